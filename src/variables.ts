import * as v from 'valibot';

export const programs = ['web', 'controller', 'worker'] as const;
export type Program = (typeof programs)[number];

export interface Variable {
  readonly about: string;
  readonly unit?: string;
  readonly programs: readonly Program[];
  /** As a user would write it; undefined where the default follows from something else, which `about` tells. */
  readonly default?: string;
  /** Whether a running program takes a new value over from its configuration file. */
  readonly reload?: true;
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

/** A whole number, or the word `auto`. */
function orAuto(min: number, max: number) {
  const expected = `expected a whole number from ${min} to ${max}, or auto`;
  return v.pipe(
    v.string(),
    v.regex(/^(\d+|auto)$/, expected),
    v.transform((word): number | 'auto' => (word === 'auto' ? word : Number(word))),
    v.check(value => value === 'auto' || (value >= min && value <= max), expected),
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
/** A name or URL; what SQS takes for names. FIFO queues demand more of a sender. */
const queue = v.pipe(
  text,
  v.check(
    name => /^https?:\/\//.test(name) || /^[A-Za-z0-9_-]{1,80}$/.test(name.replace(/\.fifo$/, '')),
    'expected the name or the URL of an SQS queue: up to 80 letters, digits, hyphens, underscores',
  ),
  v.check(
    name => /^https?:\/\//.test(name) === false || (URL.canParse(name) && new URL(name).pathname.length > 1),
    'expected the URL of an SQS queue, such as https://sqs.us-east-1.amazonaws.com/123456789012/requests',
  ),
  v.check(name => !name.endsWith('.fifo'), 'expected a standard queue, not a FIFO queue'),
);
/** What S3 takes in place of a bucket's name: also aliases and ARNs of access points, and names from before 2018. */
const bucket = v.pipe(
  text,
  v.check(
    name => /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/.test(name) || isAccessPoint(name),
    'expected the name of an S3 bucket, without s3:// and without folders, or the ARN of an access point',
  ),
);

function isAccessPoint(name: string): boolean {
  return /^arn:aws[a-z-]*:s3:[a-z0-9-]+:\d{12}:accesspoint[:/][a-z0-9-]+$/.test(name);
}

const day = 86_400;
const everyone = programs;

/** Every variable that the programs read, in the order in which `--help` and the README show them. */
export const variables = {
  FACEREC_CONFIG: {
    about:
      'File of `FACEREC_…=value` lines, read at start; the environment goes before it. SIGHUP reads it again, for the ' +
      'variables that can be reloaded',
    programs: everyone,
    schema: text,
  },
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
    schema: queue,
  },
  FACEREC_RESPONSE_QUEUE: { about: 'aws: SQS queue of completions', programs: everyone, schema: queue },
  FACEREC_DEAD_LETTER_QUEUE: {
    about: 'aws: SQS queue of requests that failed too often',
    programs: everyone,
    schema: queue,
  },
  FACEREC_INPUT_BUCKET: { about: 'aws: S3 bucket of uploaded photos', programs: everyone, schema: bucket },
  FACEREC_OUTPUT_BUCKET: {
    about: 'aws: S3 bucket of results and heartbeats',
    programs: everyone,
    schema: bucket,
  },
  FACEREC_GALLERY_BUCKET: {
    about: 'aws: S3 bucket of people and embeddings; default: the output bucket, under `gallery/`',
    programs: everyone,
    schema: bucket,
  },
  FACEREC_FLEET: {
    about:
      'Name of the fleet, in the tags of its instances and the keys of its heartbeats; fleets that share an output bucket ' +
      'need different ones',
    programs: ['controller', 'worker'],
    default: 'facerec',
    schema: v.pipe(
      v.string(),
      v.regex(/^[\w-][\w.-]{0,63}$/, 'expected 1 to 64 letters, digits, _ . -, beginning with no dot'),
    ),
  },
  FACEREC_LAUNCH_TEMPLATE: {
    about: 'aws: launch template of the workers, `name` or `name:version`; or else FACEREC_AMI',
    programs: ['controller'],
    schema: text,
  },
  FACEREC_AMI: { about: 'aws: machine image of the workers', programs: ['controller'], schema: text },
  FACEREC_INSTANCE_TYPES: {
    about:
      'aws: instance types, tried in this order; default: the launch template’s, or t2.micro; images of this project want a Nitro type, such as t3.micro',
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
      'Address to listen on; another one than this machine’s own needs a key (`facerec-web keys create`) or FACEREC_OPEN; ' +
      'default: 127.0.0.1 on the local backend; elsewhere 0.0.0.0 with a key or FACEREC_OPEN, 127.0.0.1 without',
    programs: ['web'],
    schema: text,
  },
  FACEREC_OPEN: {
    about:
      '`on` serves everybody who reaches the server, as long as there is no key: behind a proxy that checks who asks, or ' +
      'in a network of friends',
    programs: ['web'],
    default: 'off',
    schema: oneOf(['on', 'off']),
  },
  FACEREC_RATE_LIMIT: {
    about: 'Requests that one key may send in a minute, to each web server; 0 sets no limit',
    unit: '/min',
    programs: ['web'],
    default: '6000',
    schema: number(0, 1_000_000),
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
  FACEREC_MAX_BATCH_BYTES: {
    about: 'Largest batch of photos taken, as sent and unpacked',
    unit: 'bytes',
    programs: ['web'],
    default: '104857600',
    schema: number(1024, 1_073_741_824),
  },
  FACEREC_WEBHOOK_PRIVATE: {
    about: '`on` lets webhooks have private addresses and plain http, as in a network of one’s own',
    programs: ['web', 'controller'],
    default: 'off',
    schema: oneOf(['on', 'off']),
  },
  FACEREC_RESULT_DAYS: {
    about: 'How long results are kept; asked for later, they are 410 Gone',
    unit: 'days',
    programs: ['web', 'controller'],
    default: '30',
    reload: true,
    schema: number(1, 3650),
  },
  FACEREC_PHOTO_DAYS: {
    about: 'How long uploaded photos are kept',
    unit: 'days',
    programs: ['controller'],
    default: '7',
    reload: true,
    schema: number(1, 3650),
  },
  FACEREC_FACE_PICTURES: {
    about:
      'Whether a small picture of each face that is enrolled is kept with it, to be shown with the person; `off` keeps none ' +
      'from then on',
    programs: ['worker'],
    default: 'on',
    schema: oneOf(['on', 'off']),
  },
  FACEREC_THRESHOLD: {
    about:
      'Least cosine similarity at which a face is named; default: what the models recommend, 0.40 for the bundled ones. ' +
      'The bigger the gallery, the higher it should be; a request may override it',
    programs: ['worker'],
    reload: true,
    schema: number(-1, 1, 'number'),
  },
  FACEREC_TARGET_FAR: {
    about:
      'How often a stranger may be taken for somebody, such as 0.01: the threshold then follows the number of enrolled faces. ' +
      'FACEREC_THRESHOLD goes before it; models of your own need a calibration in their manifest',
    programs: ['worker'],
    reload: true,
    schema: number(0.000_001, 0.5, 'number'),
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
  FACEREC_SCALING: {
    about:
      'How the number of workers is found: `law` forecasts queue and boots, `seed` is the plain rule of one worker for so ' +
      'many pending messages',
    programs: ['controller'],
    default: 'law',
    reload: true,
    schema: oneOf(['law', 'seed']),
  },
  FACEREC_MIN_INSTANCES: {
    about: 'Fewest workers; default 1 on the local backend, 5 elsewhere',
    programs: ['controller', 'worker'],
    reload: true,
    schema: number(0, 1000),
  },
  FACEREC_MAX_INSTANCES: {
    about: 'Most workers; default one a core on the local backend, 15 elsewhere',
    programs: ['controller'],
    reload: true,
    schema: number(1, 1000),
  },
  FACEREC_LAUNCH_BATCH: {
    about: 'Most workers launched at a time',
    programs: ['controller'],
    default: '5',
    reload: true,
    schema: number(1, 100),
  },
  FACEREC_MESSAGES_PER_INSTANCE: {
    about: 'Pending messages for which one worker is wanted',
    programs: ['controller'],
    default: '5',
    reload: true,
    schema: number(1, 100_000),
  },
  FACEREC_IDLE_SECONDS: {
    about:
      'A worker idle this long may leave; under `law` what is not wanted leaves sooner, unless work came back within this time',
    unit: 's',
    programs: ['controller', 'worker'],
    default: '300',
    reload: true,
    schema: number(1, day),
  },
  FACEREC_MIN_RUNTIME_SECONDS: {
    about:
      'No worker leaves of its own will before this age; `auto`: twice the mean boot time, from 60 s to 300 s',
    unit: 's',
    programs: ['controller', 'worker'],
    default: '300',
    reload: true,
    schema: orAuto(0, day),
  },
  FACEREC_START_PATIENCE: {
    about:
      'aws: how long a start waits for what may come late (credentials, permissions, the network) before it gives up; 0 tries once',
    unit: 's',
    programs: everyone,
    default: '30',
    schema: number(0, 3_600),
  },
  FACEREC_WORKER_COMMAND: {
    about:
      'How the local backend starts a worker, words separated by blanks; default: the worker that came with the controller',
    programs: ['controller'],
    schema: text,
  },
  FACEREC_METRICS_PORT: {
    about:
      'Port on which controller and worker serve `/metrics`; 0 takes a free one; default: none. On the local backend the ' +
      'workers take the ports after the controller’s. `facerec-web` has it on its own port',
    programs: ['controller', 'worker'],
    schema: number(0, 64_000),
  },
  FACEREC_METRICS_HOST: {
    about: 'Address for FACEREC_METRICS_PORT; whoever reaches it may read the figures, which name nobody',
    programs: ['controller', 'worker'],
    default: '127.0.0.1',
    schema: text,
  },
  FACEREC_LOG_LEVEL: {
    about: 'Least serious log line written to standard error',
    programs: everyone,
    default: 'info',
    reload: true,
    schema: oneOf(['debug', 'info', 'warn', 'error']),
  },
} as const satisfies Record<string, Variable>;

export type VariableName = keyof typeof variables;
export const variableNames = Object.keys(variables) as VariableName[];

/** What the processes tell each other; not for operators. */
const internal = ['FACEREC_INSTANCE_ID', 'FACEREC_LIFELINE'];

/**
 * A problem for each FACEREC_ variable that does not exist, and for each that looks like a slip of the pen for one, with
 * the name that was probably meant.
 */
export function unknownNames(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = [...variableNames, ...internal];
  return Object.keys(environment)
    .filter(name => !known.includes(name))
    .sort()
    .flatMap(name => {
      const ours = name.startsWith('FACEREC_');
      const meant = nearest(name, variableNames, ours ? 4 : 2);
      if (!ours && (meant === undefined || !environment[name])) return [];
      return `${name}: there is no such variable${meant === undefined ? '' : `; did you mean ${meant}?`}`;
    });
}

/** The candidate that differs least, and by no more than `most` letters; large and small are the same. */
export function nearest<T extends string>(
  word: string,
  candidates: readonly T[],
  most: number,
): T | undefined {
  const [best] = candidates
    .filter(({ length }) => Math.abs(length - word.length) <= most)
    .map(candidate => ({
      candidate,
      distance: editDistance(word.toLowerCase(), candidate.toLowerCase()),
    }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance);
  return best?.candidate;
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
