import { availableParallelism } from 'node:os';
import * as v from 'valibot';
import type { Policy } from './core/scaling.ts';

/** Environment variables as given, for tests and for `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type Program = 'web' | 'controller' | 'worker';

interface Variable {
  readonly about: string;
  readonly unit?: string;
  readonly programs: readonly Program[];
  /** As a user would write it; undefined where the default follows from something else, which `about` tells. */
  readonly default?: string;
  readonly schema: v.GenericSchema<string, unknown>;
}

function number(min: number, max: number, kind: 'number' | 'whole number' = 'whole number') {
  const expected = `a ${kind} from ${min} to ${max}`;
  return v.pipe(
    v.string(),
    v.regex(kind === 'number' ? /^-?\d+(\.\d+)?$/ : /^-?\d+$/, `expected ${expected}`),
    v.transform(Number),
    v.minValue(min, `expected ${expected}`),
    v.maxValue(max, `expected ${expected}`),
  );
}

function oneOf<const Options extends readonly [string, ...string[]]>(options: Options) {
  return v.picklist(options, `expected one of: ${options.join(', ')}`);
}

const text = v.pipe(v.string(), v.minLength(1, 'expected some text'));
const day = 86_400;
const everyone = ['web', 'controller', 'worker'] as const;

/** Every variable that the programs read, in the order in which `--help` and the README show them. */
export const variables = {
  FACEREC_BACKEND: {
    about: 'Where queues, photos and workers live: `local` is this machine, with nothing installed',
    programs: everyone,
    default: 'local',
    schema: oneOf(['local']),
  },
  FACEREC_DATA: {
    about: 'Directory of the local backend: queue, photos, results, people',
    programs: everyone,
    default: 'data',
    schema: text,
  },
  FACEREC_HOST: {
    about: 'Address to listen on; there is no access control yet, so open it to networks you trust only',
    programs: ['web'],
    default: '127.0.0.1',
    schema: text,
  },
  FACEREC_PORT: {
    about: 'Port to listen on; 0 takes a free one',
    programs: ['web'],
    default: '8000',
    schema: number(0, 65_535),
  },
  FACEREC_REPLY: {
    about:
      'How `POST /` answers: `ack` at once with 202, or `result` in plain text `<stem>:<name>` when done',
    programs: ['web'],
    default: 'ack',
    schema: oneOf(['ack', 'result']),
  },
  FACEREC_MAX_UPLOAD_BYTES: {
    about: 'Largest photo taken',
    unit: 'bytes',
    programs: ['web'],
    default: '10485760',
    schema: number(1024, 1_073_741_824),
  },
  FACEREC_RESULT_DAYS: {
    about: 'How long results are kept; asked for later, they are 410 Gone',
    unit: 'days',
    programs: ['web', 'controller'],
    default: '30',
    schema: number(1, 3650),
  },
  FACEREC_PHOTO_DAYS: {
    about: 'How long uploaded photos are kept',
    unit: 'days',
    programs: ['controller'],
    default: '7',
    schema: number(1, 3650),
  },
  FACEREC_THRESHOLD: {
    about:
      'Least cosine similarity at which a face is named; default: what the models recommend, 0.40 for the bundled ones. ' +
      'The bigger the gallery, the higher it should be; a request may override it',
    programs: ['worker'],
    schema: number(-1, 1, 'number'),
  },
  FACEREC_MODELS: {
    about: 'Folder with a manifest.json and its ONNX files; default: the bundled models',
    programs: ['worker'],
    schema: text,
  },
  FACEREC_VISIBILITY_SECONDS: {
    about: 'How long a request stays hidden from other workers unless its worker renews it',
    unit: 's',
    programs: everyone,
    default: '30',
    schema: number(2, 43_200),
  },
  FACEREC_MAX_RECEIVES: {
    about: 'A request received this often without success goes to the dead-letter queue',
    programs: everyone,
    default: '5',
    schema: number(1, 1000),
  },
  FACEREC_POLL_SECONDS: {
    about: 'Long poll of the queues',
    unit: 's',
    programs: everyone,
    default: '20',
    schema: number(1, 20),
  },
  FACEREC_MIN_INSTANCES: {
    about: 'Fewest workers; default 1 on the local backend, 5 elsewhere',
    programs: ['controller'],
    schema: number(0, 1000),
  },
  FACEREC_MAX_INSTANCES: {
    about: 'Most workers; default one a core on the local backend, 15 elsewhere',
    programs: ['controller'],
    schema: number(1, 1000),
  },
  FACEREC_LAUNCH_BATCH: {
    about: 'Most workers launched at a time',
    programs: ['controller'],
    default: '5',
    schema: number(1, 100),
  },
  FACEREC_MESSAGES_PER_INSTANCE: {
    about: 'Pending messages for which one worker is wanted',
    programs: ['controller'],
    default: '5',
    schema: number(1, 100_000),
  },
  FACEREC_IDLE_SECONDS: {
    about: 'A worker idle this long may leave',
    unit: 's',
    programs: ['controller'],
    default: '300',
    schema: number(1, day),
  },
  FACEREC_MIN_RUNTIME_SECONDS: {
    about: 'No worker leaves of its own will before this age',
    unit: 's',
    programs: ['controller'],
    default: '300',
    schema: number(0, day),
  },
  FACEREC_WORKER_COMMAND: {
    about:
      'How the local backend starts a worker, words separated by blanks; default: the worker that came with the controller',
    programs: ['controller'],
    schema: text,
  },
  FACEREC_LOG_LEVEL: {
    about: 'Least serious log line written to standard error',
    programs: everyone,
    default: 'info',
    schema: oneOf(['debug', 'info', 'warn', 'error']),
  },
} as const satisfies Record<string, Variable>;

type Variables = typeof variables;
export type VariableName = keyof Variables;
type Value<N extends VariableName> = v.InferOutput<Variables[N]['schema']>;
type Parsed = {
  [N in VariableName]: Variables[N] extends { readonly default: string } ? Value<N> : Value<N> | undefined;
};

/** What the processes tell each other; not for operators. */
const internal = ['FACEREC_INSTANCE_ID', 'FACEREC_LIFELINE'];

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `${problems.length} configuration problem${problems.length === 1 ? '' : 's'}:\n  ${problems.join('\n  ')}`,
    );
    this.problems = problems;
  }
}

export interface Config {
  readonly backend: 'local';
  readonly dataDirectory: string;
  readonly host: string;
  readonly port: number;
  readonly reply: 'ack' | 'result';
  readonly maxUploadBytes: number;
  readonly resultDays: number;
  readonly photoDays: number;
  /** undefined: what the models recommend. */
  readonly threshold: number | undefined;
  /** Folder of a user's own models; undefined means the bundled ones. */
  readonly modelsFolder: string | undefined;
  readonly visibilitySeconds: number;
  readonly maxReceives: number;
  readonly pollSeconds: number;
  readonly scaling: Policy;
  /** undefined: the worker that came with the controller. */
  readonly workerCommand: readonly string[] | undefined;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** Throws a ConfigError that lists every problem by the variable's name. */
export function readConfig(environment: Environment, cores = availableParallelism()): Config {
  const problems = unknownNames(environment);
  const parsed: Partial<Record<VariableName, unknown>> = {};
  for (const name of variableNames) {
    const { schema, default: fallback }: Variable = variables[name];
    const given = environment[name] || fallback;
    if (given === undefined) continue;
    const result = v.safeParse(schema, given.trim());
    if (result.success) parsed[name] = result.output;
    else problems.push(`${name}: ${result.issues[0].message}, got ${JSON.stringify(given)}`);
  }
  // Each value was parsed by the schema that types it; those with a default are always there.
  const value = parsed as Parsed;
  const min = value.FACEREC_MIN_INSTANCES ?? 1;
  const max = value.FACEREC_MAX_INSTANCES ?? Math.max(cores, min, 1);
  if (min > max)
    problems.push(`FACEREC_MIN_INSTANCES: ${min} is more than FACEREC_MAX_INSTANCES, which is ${max}`);
  if (value.FACEREC_PHOTO_DAYS > value.FACEREC_RESULT_DAYS)
    problems.push(
      `FACEREC_PHOTO_DAYS: ${value.FACEREC_PHOTO_DAYS} is more than FACEREC_RESULT_DAYS, which is ${value.FACEREC_RESULT_DAYS}; photos are not kept longer than results`,
    );
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    backend: value.FACEREC_BACKEND,
    dataDirectory: value.FACEREC_DATA,
    host: value.FACEREC_HOST,
    port: value.FACEREC_PORT,
    reply: value.FACEREC_REPLY,
    maxUploadBytes: value.FACEREC_MAX_UPLOAD_BYTES,
    resultDays: value.FACEREC_RESULT_DAYS,
    photoDays: value.FACEREC_PHOTO_DAYS,
    threshold: value.FACEREC_THRESHOLD,
    modelsFolder: value.FACEREC_MODELS,
    visibilitySeconds: value.FACEREC_VISIBILITY_SECONDS,
    maxReceives: value.FACEREC_MAX_RECEIVES,
    pollSeconds: value.FACEREC_POLL_SECONDS,
    scaling: {
      min,
      max,
      launchBatch: value.FACEREC_LAUNCH_BATCH,
      messagesPerInstance: value.FACEREC_MESSAGES_PER_INSTANCE,
      idleSeconds: value.FACEREC_IDLE_SECONDS,
      minRuntimeSeconds: value.FACEREC_MIN_RUNTIME_SECONDS,
    },
    workerCommand: value.FACEREC_WORKER_COMMAND?.split(/\s+/),
    logLevel: value.FACEREC_LOG_LEVEL,
  };
}

export const variableNames = Object.keys(variables) as VariableName[];

function unknownNames(environment: Environment): string[] {
  const known = [...variableNames, ...internal];
  return Object.keys(environment)
    .filter(name => name.startsWith('FACEREC_') && !known.includes(name))
    .sort()
    .map(name => {
      const [nearest] = variableNames
        .map(candidate => ({ candidate, distance: editDistance(name, candidate) }))
        .sort((a, b) => a.distance - b.distance);
      const hint = nearest && nearest.distance <= 4 ? `; did you mean ${nearest.candidate}?` : '';
      return `${name}: there is no such variable${hint}`;
    });
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, x] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, y] of [...b].entries())
      next.push(Math.min(row[j + 1]! + 1, next[j]! + 1, row[j]! + (x === y ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
