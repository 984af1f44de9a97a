import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { messageOf } from '../core/errors.ts';
import { type Arrivals, steadyArrivals, type TraceName, traceArrivals } from './arrivals.ts';
import { canBeForeseen } from './controllers/clairvoyant.ts';
import { parseArrivals } from './csv.ts';
import { measure } from './measures.ts';
import { get, type Options, OptionsError, parseOptions, range } from './options.ts';
import type { Outcome } from './outcome.ts';
import { plot } from './plot.ts';
import { type PolicyName, policies, policyNames } from './policies.ts';
import { meanService, type Setting, usualSetting } from './setting.ts';
import { table } from './table.ts';
import { simulate } from './world.ts';

/** After sysexits.h: wrong usage, unreadable input, output that cannot be written. */
const EXIT = { ok: 0, usage: 64, noInput: 66, cannotCreate: 73 } as const;

export interface Console {
  out(text: string): void;
  error(text: string): void;
}

const terminal: Console = {
  out: text => process.stdout.write(text),
  error: text => process.stderr.write(text),
};

/**
 * The command `simulate`.
 *
 * @param words what follows the command's name
 * @returns the exit code
 */
export async function simulateCommand(
  words: readonly string[],
  { out, error }: Console = terminal,
): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(words);
  } catch (problem) {
    if (!(problem instanceof OptionsError)) throw problem;
    error(`simulate: ${problem.message.replaceAll('\n', '\nsimulate: ')}\n--help lists the options\n`);
    return EXIT.usage;
  }
  const setting = settingOf(options);
  let arrivals: (seed: number) => Arrivals;
  try {
    arrivals = await arrivalsOf(options, setting);
  } catch (problem) {
    error(`simulate: --csv: ${options.csv}: ${messageOf(problem)}\n`);
    return EXIT.noInput;
  }

  const firstSeed = Number(get(options, 'seed'));
  const seeds = Array.from({ length: Number(get(options, 'runs')) }, (_, i) => firstSeed + i);
  const first = arrivals(firstSeed);
  const asked =
    options.compare === undefined ? (get(options, 'policy').split(',') as PolicyName[]) : policyNames;
  const names = asked.filter(name => name !== 'clairvoyant' || canBeForeseen({ setting, arrivals: first }));
  const runs = names.map(policy => {
    const kind = policies[policy].kind(setting);
    return { policy, outcomes: seeds.map(seed => simulate(arrivals(seed), setting, seed, kind)) };
  });

  out(`${heading(first, setting, seeds.length)}\n`);
  out(
    `${table(
      runs.map(({ policy, outcomes }) => ({ policy, measures: measure(outcomes) })),
      Number(get(options, 'price')),
    )}\n`,
  );
  const lost = runs.reduce(
    (sum, { outcomes }) => sum + outcomes.reduce((all, each) => all + each.lost, 0),
    0,
  );
  if (lost > 0) out(`${lost} messages were not answered within an hour after the end\n`);
  if (names.length < asked.length) out('clairvoyant: left out, the trace is too long for it\n');
  const shown = runs.find(({ policy }) => policy === get(options, 'policy').split(',')[0]) ?? runs[0];
  if (options.plot === undefined || shown === undefined) return EXIT.ok;
  return draw(options.plot, first, shown.policy, shown.outcomes[0]!, { out, error });
}

async function draw(
  file: string,
  arrivals: Arrivals,
  policy: PolicyName,
  outcome: Outcome,
  { out, error }: Console,
): Promise<number> {
  try {
    await writeFile(file, plot(arrivals, policy, outcome));
  } catch (problem) {
    error(`simulate: --plot: ${file}: ${messageOf(problem)}\n`);
    return EXIT.cannotCreate;
  }
  out(`${file}: ${policy}\n`);
  return EXIT.ok;
}

function settingOf(options: Options): Setting {
  const value = (name: Parameters<typeof get>[1]) => Number(get(options, name));
  const lag = value('queue-lag');
  return {
    ...usualSetting,
    min: value('min'),
    max: value('max'),
    launchBatch: value('launch-batch'),
    messagesPerInstance: value('messages-per-instance'),
    idleSeconds: value('idle'),
    minRuntimeSeconds: value('min-runtime'),
    service: {
      seconds: value('service'),
      shape: get(options, 'service-shape') === 'exponential' ? 'exponential' : 'uniform',
      spread: value('service-spread'),
      overhead: usualSetting.service.overhead,
    },
    boot: range(get(options, 'boot')),
    queueLag: { mean: lag, most: 5 * lag },
    told: get(options, 'arrivals') === 'web',
    describeLag: value('describe-lag'),
    faults: {
      noCapacity: value('no-capacity'),
      lostReplies: value('lost-replies'),
      deadBoots: value('dead-boots'),
      killsPerHour: value('kills-per-hour'),
      amnesiaSeconds: value('amnesia'),
    },
    controllers: value('controllers'),
  };
}

async function arrivalsOf(options: Options, setting: Setting): Promise<(seed: number) => Arrivals> {
  if (options.csv !== undefined) {
    const read = parseArrivals(basename(options.csv), await readFile(options.csv, 'utf8'));
    return () => read;
  }
  const { rate } = options;
  if (rate !== undefined)
    return seed =>
      steadyArrivals(Number(rate), Number(get(options, 'seconds')), options.even !== undefined, seed);
  return seed => traceArrivals((options.trace ?? 'poisson') as TraceName, meanService(setting), seed);
}

function heading(
  { name, seconds, times }: Arrivals,
  { min, max, messagesPerInstance, service, boot }: Setting,
  runs: number,
): string {
  const load = `${name}: ${times.length} messages in ${(seconds / 60).toFixed(0)} min, ${service.seconds} s of work each`;
  const fleet = `${min} to ${max} instances, one for ${messagesPerInstance} messages, boot ${boot.from} to ${boot.to} s`;
  return `${load}; ${fleet}${runs > 1 ? `; ${runs} runs` : ''}`;
}
