import { traceNames, traces } from './arrivals.ts';
import { policies, policyNames } from './policies.ts';

/** Raised with every problem of a command line, each naming its option. */
export class OptionsError extends Error {
  override name = 'OptionsError';
}

interface Option {
  /** What stands for its value in the help; undefined for a switch. */
  readonly value?: string;
  readonly about: string;
  readonly default?: string;
  /** What is wrong with a text, or undefined. */
  readonly problem?: (text: string) => string | undefined;
}

const number =
  (least: number, most = Number.POSITIVE_INFINITY) =>
  (text: string) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && value >= least && value <= most) return undefined;
    return most === Number.POSITIVE_INFINITY
      ? `a number of at least ${least}`
      : `a number from ${least} to ${most}`;
  };
const whole = (least: number, most: number) => (text: string) =>
  number(least, most)(text) === undefined && Number.isInteger(Number(text))
    ? undefined
    : `a whole number from ${least} to ${most}`;
const oneOf = (names: readonly string[]) => (text: string) =>
  names.includes(text) ? undefined : `one of ${names.join(', ')}`;

export const options = {
  trace: {
    value: 'NAME',
    about: 'built-in arrivals, see below; poisson when no arrivals are given',
    problem: oneOf(traceNames),
  },
  csv: { value: 'FILE', about: 'arrivals from a file with one timestamp a line: seconds, epoch or ISO date' },
  rate: { value: 'N', about: 'arrivals at N messages a second', problem: number(0.001, 10_000) },
  seconds: { value: 'N', about: 'how long, for --rate', default: '3600', problem: whole(60, 604_800) },
  even: { about: 'with --rate: evenly spaced, not at random' },
  policy: {
    value: 'NAME',
    about: 'what scales, see below; more than one separated by commas',
    default: 'law',
    problem: text => text.split(',').map(oneOf(policyNames)).find(Boolean),
  },
  compare: { about: 'all policies' },
  min: { value: 'N', about: 'fewest instances', default: '5', problem: whole(0, 1000) },
  max: { value: 'N', about: 'most instances', default: '15', problem: whole(1, 1000) },
  'launch-batch': { value: 'N', about: 'most launches at a time', default: '5', problem: whole(1, 100) },
  'messages-per-instance': {
    value: 'N',
    about: 'pending messages for which one instance is wanted',
    default: '5',
    problem: whole(1, 100_000),
  },
  idle: {
    value: 'S',
    about: 'seconds after which an idle worker may leave',
    default: '300',
    problem: number(1),
  },
  'min-runtime': {
    value: 'S',
    about: 'seconds before which no worker leaves (law-auto: adapted)',
    default: '300',
    problem: number(0),
  },
  service: {
    value: 'S',
    about: 'mean seconds of work for a message',
    default: '0.25',
    problem: number(0.001, 3600),
  },
  'service-shape': {
    value: 'SHAPE',
    about: 'uniform or exponential',
    default: 'uniform',
    problem: oneOf(['uniform', 'exponential']),
  },
  'service-spread': {
    value: 'PART',
    about: 'uniform: up to this part more or less',
    default: '0.15',
    problem: number(0, 1),
  },
  boot: {
    value: 'MIN-MAX',
    about: 'seconds from launch to the first message',
    default: '20-60',
    problem: rangeProblem,
  },
  'queue-lag': { value: 'S', about: "mean age of the queue's counts", default: '3', problem: number(0, 60) },
  arrivals: {
    value: 'COUNT',
    about: "what the law tells arrivals by: web (the web servers' counts) or queue (its late counts alone)",
    default: 'web',
    problem: oneOf(['web', 'queue']),
  },
  'describe-lag': {
    value: 'S',
    about: 'most seconds until EC2 shows a launch or an end',
    default: '5',
    problem: number(0, 60),
  },
  'no-capacity': {
    value: 'PART',
    about: 'part of the launches that find no capacity',
    default: '0',
    problem: number(0, 1),
  },
  'lost-replies': {
    value: 'PART',
    about: 'part of the launches whose answer is lost',
    default: '0',
    problem: number(0, 1),
  },
  'dead-boots': {
    value: 'PART',
    about: 'part of the instances that never say hello',
    default: '0',
    problem: number(0, 1),
  },
  'kills-per-hour': {
    value: 'N',
    about: 'spot interruptions of one instance in an hour',
    default: '0',
    problem: number(0, 3600),
  },
  amnesia: {
    value: 'S',
    about: 'the controller forgets everything every so many seconds; 0 for never',
    default: '0',
    problem: number(0),
  },
  controllers: { value: 'N', about: 'controllers that all act', default: '1', problem: whole(1, 10) },
  price: { value: 'USD', about: 'price of an instance-hour', default: '0.0416', problem: number(0) },
  seed: {
    value: 'N',
    about: 'the same seed gives the same numbers',
    default: '1',
    problem: whole(0, 4_294_967_295),
  },
  runs: {
    value: 'N',
    about: 'runs with the seeds from --seed on, taken together',
    default: '1',
    problem: whole(1, 1000),
  },
  plot: { value: 'FILE.svg', about: 'draws arrivals, queue and fleet of the first run of --policy' },
} as const satisfies Record<string, Option>;

export type OptionName = keyof typeof options;
export type Options = Readonly<Partial<Record<OptionName, string>>>;

/** @throws OptionsError with all problems, one a line */
export function parseOptions(words: readonly string[]): Options {
  const given: Partial<Record<OptionName, string>> = {};
  const problems: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const [, name = '', inline] = /^--([^=]+)(?:=(.*))?$/s.exec(words[i]!) ?? [];
    if (!isOption(name)) {
      problems.push(`${words[i]}: there is no such option`);
      // Most likely the value of the option that was meant.
      if (name !== '' && inline === undefined && words[i + 1]?.startsWith('--') === false) i++;
      continue;
    }
    const option: Option = options[name];
    if (name in given) problems.push(`--${name}: given twice`);
    if (option.value === undefined) {
      if (inline !== undefined) problems.push(`--${name}: takes no value`);
      given[name] = 'yes';
      continue;
    }
    const following = words[i + 1];
    const text = inline ?? (following?.startsWith('--') === false ? words[++i] : undefined);
    const wanted = text === undefined ? `a value (${option.value})` : option.problem?.(text);
    if (wanted !== undefined)
      problems.push(`--${name}: needs ${wanted}${text === undefined ? '' : `, got ${JSON.stringify(text)}`}`);
    given[name] = text ?? '';
  }
  const sources = (['trace', 'csv', 'rate'] as const).filter(name => name in given);
  if (sources.length > 1) problems.push(`${sources.map(name => `--${name}`).join(', ')}: only one of them`);
  if (Number(get(given, 'min')) > Number(get(given, 'max')))
    problems.push(`--min: ${get(given, 'min')} is more than --max ${get(given, 'max')}`);
  if (problems.length > 0) throw new OptionsError(problems.join('\n'));
  return given;
}

/** What was given, or the default. */
export function get(given: Options, name: OptionName): string {
  const option: Option = options[name];
  return given[name] ?? option.default ?? '';
}

export function range(text: string): { from: number; to: number } {
  const [from = Number.NaN, to = from] = text.split('-').map(Number);
  return { from, to };
}

/** The command's options, traces and policies, for its help. */
export const described = {
  options: Object.entries(options).map(([name, { value, about, default: fallback }]: [string, Option]) => ({
    name: `--${name}`,
    ...(value !== undefined && { value }),
    about: fallback === undefined ? about : `${about} [${fallback}]`,
  })),
  traces: traceNames.map(name => [name, traces[name].about] as const),
  policies: policyNames.map(name => [name, policies[name].about] as const),
};

function isOption(name: string): name is OptionName {
  return Object.hasOwn(options, name);
}

function rangeProblem(text: string): string | undefined {
  const { from, to } = range(text);
  const fine = /^[\d.]+(-[\d.]+)?$/.test(text) && from > 0 && to >= from && to <= 3600;
  return fine ? undefined : 'seconds such as 20-60';
}
