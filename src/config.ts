import { availableParallelism } from 'node:os';
import * as v from 'valibot';
import type { Policy } from './core/scaling.ts';
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
