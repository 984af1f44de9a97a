import { availableParallelism } from 'node:os';
import * as v from 'valibot';
import type { RuleName } from './core/scaling/rules.ts';
import type { Policy } from './core/scaling/types.ts';
import { unknownNames, type Variable, type VariableName, variableNames, variables } from './variables.ts';

/** Environment variables as given, for tests and for `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

type Variables = typeof variables;
type Value<N extends VariableName> = v.InferOutput<Variables[N]['schema']>;
type Parsed = {
  [N in VariableName]: Variables[N] extends { readonly default: string } ? Value<N> : Value<N> | undefined;
};

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

/** Names and settings of the AWS backend. */
export interface AwsConfig {
  /** By name or URL. */
  readonly requestQueue: string;
  readonly responseQueue: string;
  readonly deadLetterQueue: string;
  readonly inputBucket: string;
  readonly outputBucket: string;
  /** undefined: in the output bucket. */
  readonly galleryBucket: string | undefined;
  readonly launchTemplate: { readonly name: string; readonly version?: string } | undefined;
  readonly ami: string | undefined;
  readonly instanceTypes: readonly string[];
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  readonly instanceProfile: string | undefined;
  readonly keyName: string | undefined;
  readonly spot: boolean;
  readonly lease: boolean;
}

/** Where the configuration file is read again, what can be reloaded changes in place. */
export interface Config {
  /** What the configuration file says, as given. */
  readonly file: Environment;
  /** undefined: the local backend. */
  readonly aws: AwsConfig | undefined;
  /** Fleets that share a store are told apart by it. */
  readonly fleet: string;
  readonly dataDirectory: string;
  /** Undefined: the default, which depends on whether there are keys. */
  readonly host: string | undefined;
  readonly port: number;
  /** Whether servers without keys serve everybody. */
  readonly open: boolean;
  /** Requests a minute and key; 0: no limit. */
  readonly rateLimit: number;
  readonly reply: 'ack' | 'result';
  readonly maxUploadBytes: number;
  readonly maxBatchBytes: number;
  /** Whether webhooks may have private addresses. */
  readonly webhooksToPrivate: boolean;
  readonly resultDays: number;
  readonly photoDays: number;
  /** Whether pictures of enrolled faces are kept. */
  readonly keepsPictures: boolean;
  /** undefined: what the models recommend. */
  readonly threshold: number | undefined;
  /** Wanted rate of strangers who are named; undefined leaves the threshold fixed. */
  readonly targetFar: number | undefined;
  /** Folder of a user's own models; undefined means the bundled ones. */
  readonly modelsFolder: string | undefined;
  readonly visibilitySeconds: number;
  readonly maxReceives: number;
  readonly pollSeconds: number;
  readonly scaling: Policy;
  readonly scalingRule: RuleName;
  /** How long a start on AWS waits for what may come late. */
  readonly startPatienceSeconds: number;
  /** undefined: the worker that came with the controller. */
  readonly workerCommand: readonly string[] | undefined;
  /** Where controller and worker serve /metrics; undefined: nowhere. */
  readonly metricsPort: number | undefined;
  readonly metricsHost: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** What a variable is set to: by the environment, else by the file, else by default. Empty is as if it were not there. */
export function settingOf(
  name: VariableName,
  environment: Environment,
  file: Environment,
): string | undefined {
  return environment[name] || file[name] || (variables[name] as Variable).default;
}

/**
 * Throws a ConfigError that lists every problem by the variable's name.
 * @param file what the configuration file says; the environment goes before it
 */
export function readConfig(
  environment: Environment,
  cores = availableParallelism(),
  file: Environment = {},
): Config {
  const problems = unknownNames({ ...file, ...environment });
  const parsed: Partial<Record<VariableName, unknown>> = {};
  for (const name of variableNames) {
    const given = settingOf(name, environment, file);
    if (given === undefined) continue;
    const result = v.safeParse((variables[name] as Variable).schema, given.trim());
    if (result.success) parsed[name] = result.output;
    else problems.push(`${name}: ${result.issues[0].message}, got ${JSON.stringify(given)}`);
  }
  // Each value was parsed by the schema that types it; those with a default are always there.
  const value = parsed as Parsed;
  const aws = value.FACEREC_BACKEND === 'aws' ? awsConfig(value, problems) : undefined;
  const min = value.FACEREC_MIN_INSTANCES ?? (aws ? 5 : 1);
  const max = value.FACEREC_MAX_INSTANCES ?? Math.max(aws ? 15 : cores, min, 1);
  if (min > max)
    problems.push(`FACEREC_MIN_INSTANCES: ${min} is more than FACEREC_MAX_INSTANCES, which is ${max}`);
  if (value.FACEREC_PHOTO_DAYS > value.FACEREC_RESULT_DAYS)
    problems.push(
      `FACEREC_PHOTO_DAYS: ${value.FACEREC_PHOTO_DAYS} is more than FACEREC_RESULT_DAYS, which is ${value.FACEREC_RESULT_DAYS}; photos are not kept longer than results`,
    );
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    file,
    aws,
    fleet: value.FACEREC_FLEET,
    dataDirectory: value.FACEREC_DATA,
    host: value.FACEREC_HOST,
    port: value.FACEREC_PORT,
    open: value.FACEREC_OPEN === 'on',
    rateLimit: value.FACEREC_RATE_LIMIT,
    reply: value.FACEREC_REPLY,
    maxUploadBytes: value.FACEREC_MAX_UPLOAD_BYTES,
    maxBatchBytes: value.FACEREC_MAX_BATCH_BYTES,
    webhooksToPrivate: value.FACEREC_WEBHOOK_PRIVATE === 'on',
    resultDays: value.FACEREC_RESULT_DAYS,
    photoDays: value.FACEREC_PHOTO_DAYS,
    keepsPictures: value.FACEREC_FACE_PICTURES === 'on',
    threshold: value.FACEREC_THRESHOLD,
    targetFar: value.FACEREC_TARGET_FAR,
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
    scalingRule: value.FACEREC_SCALING,
    startPatienceSeconds: value.FACEREC_START_PATIENCE,
    workerCommand: value.FACEREC_WORKER_COMMAND?.split(/\s+/),
    metricsPort: value.FACEREC_METRICS_PORT,
    metricsHost: value.FACEREC_METRICS_HOST,
    logLevel: value.FACEREC_LOG_LEVEL,
  };
}

/** Adds to `problems` what the AWS backend needs and lacks. */
function awsConfig(value: Parsed, problems: string[]): AwsConfig {
  const required = (name: VariableName & `${string}_${'QUEUE' | 'BUCKET'}`): string => {
    const given = value[name];
    if (given === undefined && !problems.some(problem => problem.startsWith(`${name}: `)))
      problems.push(`${name}: needed for FACEREC_BACKEND=aws`);
    return given ?? '';
  };
  const { FACEREC_LAUNCH_TEMPLATE: template, FACEREC_AMI: ami } = value;
  if (template !== undefined && ami !== undefined)
    problems.push('FACEREC_AMI: the image is in FACEREC_LAUNCH_TEMPLATE already; give one of the two');
  const [name, version] = template?.split(':') ?? [];
  return {
    requestQueue: required('FACEREC_REQUEST_QUEUE'),
    responseQueue: required('FACEREC_RESPONSE_QUEUE'),
    deadLetterQueue: required('FACEREC_DEAD_LETTER_QUEUE'),
    inputBucket: required('FACEREC_INPUT_BUCKET'),
    outputBucket: required('FACEREC_OUTPUT_BUCKET'),
    galleryBucket: value.FACEREC_GALLERY_BUCKET,
    launchTemplate: name === undefined ? undefined : { name, ...(version && { version }) },
    ami,
    instanceTypes: value.FACEREC_INSTANCE_TYPES ?? [],
    subnets: value.FACEREC_SUBNETS ?? [],
    securityGroups: value.FACEREC_SECURITY_GROUPS ?? [],
    instanceProfile: value.FACEREC_INSTANCE_PROFILE,
    keyName: value.FACEREC_KEY_NAME,
    spot: value.FACEREC_SPOT === 'on',
    lease: value.FACEREC_LEASE === 'on',
  };
}
