import * as v from 'valibot';

export const programs = ['web', 'controller', 'worker'] as const;
export type Program = (typeof programs)[number];

export interface Variable {
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
/** Words separated by commas or blanks. */
const list = v.pipe(
  text,
  v.transform(words => words.split(/[\s,]+/).filter(word => word !== '')),
);
const day = 86_400;
const everyone = programs;

/** Every variable that the programs read, in the order in which `--help` and the README show them. */
export const variables = {
  FACEREC_BACKEND: {
    about:
      'Where queues, photos and workers live: `local` is this machine, with nothing installed; `aws` is SQS, S3, EC2',
    programs: everyone,
    default: 'local',
    schema: oneOf(['local', 'aws']),
  },
  FACEREC_DATA: {
    about: 'Directory of the local backend: queue, photos, results, people',
    programs: everyone,
    default: 'data',
    schema: text,
  },
  FACEREC_REQUEST_QUEUE: {
    about: 'aws: SQS queue of requests, by name or URL, with a redrive policy to the dead-letter queue',
    programs: everyone,
    schema: text,
  },
  FACEREC_RESPONSE_QUEUE: { about: 'aws: SQS queue of completions', programs: everyone, schema: text },
  FACEREC_DEAD_LETTER_QUEUE: {
    about: 'aws: SQS queue of requests that failed too often',
    programs: everyone,
    schema: text,
  },
  FACEREC_INPUT_BUCKET: { about: 'aws: S3 bucket of uploaded photos', programs: everyone, schema: text },
  FACEREC_OUTPUT_BUCKET: {
    about: 'aws: S3 bucket of results and heartbeats',
    programs: everyone,
    schema: text,
  },
  FACEREC_GALLERY_BUCKET: {
    about: 'aws: S3 bucket of people and embeddings; default: the output bucket, under `gallery/`',
    programs: everyone,
    schema: text,
  },
  FACEREC_FLEET: {
    about: 'aws: name of the fleet, in the tags of its instances',
    programs: ['controller'],
    default: 'facerec',
    schema: v.pipe(v.string(), v.regex(/^[\w.-]{1,64}$/, 'expected 1 to 64 letters, digits, _ . -')),
  },
  FACEREC_LAUNCH_TEMPLATE: {
    about: 'aws: launch template of the workers, `name` or `name:version`; or else FACEREC_AMI',
    programs: ['controller'],
    schema: text,
  },
  FACEREC_AMI: { about: 'aws: machine image of the workers', programs: ['controller'], schema: text },
  FACEREC_INSTANCE_TYPES: {
    about: 'aws: instance types, tried in this order; default: the launch template’s, or t2.micro',
    programs: ['controller'],
    schema: list,
  },
  FACEREC_SUBNETS: {
    about: 'aws: subnets of the workers, tried in this order',
    programs: ['controller'],
    schema: list,
  },
  FACEREC_SECURITY_GROUPS: {
    about: 'aws: security groups of the workers',
    programs: ['controller'],
    schema: list,
  },
  FACEREC_INSTANCE_PROFILE: {
    about: 'aws: IAM instance profile of the workers, name or ARN',
    programs: ['controller'],
    schema: text,
  },
  FACEREC_KEY_NAME: {
    about: 'aws: key pair for logging in to workers',
    programs: ['controller'],
    schema: text,
  },
  FACEREC_SPOT: {
    about: 'aws: `on` asks the spot market first',
    programs: ['controller'],
    default: 'off',
    schema: oneOf(['on', 'off']),
  },
  FACEREC_LEASE: {
    about:
      'aws: `off` lets several controllers act at once, which slots and client tokens keep within the maximum',
    programs: ['controller'],
    default: 'on',
    schema: oneOf(['on', 'off']),
  },
  FACEREC_HOST: {
    about:
      'Address to listen on; there is no access control yet, so open it to networks you trust only; default: 127.0.0.1 on ' +
      'the local backend, 0.0.0.0 elsewhere',
    programs: ['web'],
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
    programs: ['controller', 'worker'],
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
    programs: ['controller', 'worker'],
    default: '300',
    schema: number(1, day),
  },
  FACEREC_MIN_RUNTIME_SECONDS: {
    about: 'No worker leaves of its own will before this age',
    unit: 's',
    programs: ['controller', 'worker'],
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

export type VariableName = keyof typeof variables;
export const variableNames = Object.keys(variables) as VariableName[];

/** What the processes tell each other; not for operators. */
const internal = ['FACEREC_INSTANCE_ID', 'FACEREC_LIFELINE'];

/** A problem for each FACEREC_ variable that does not exist, with the name that was probably meant. */
export function unknownNames(environment: Readonly<Record<string, string | undefined>>): string[] {
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
