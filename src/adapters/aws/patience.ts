import type { Log } from '../../ports.ts';
import { Backoff } from '../../runtime/backoff.ts';
import { SetupError, StoppedAtStart } from '../../runtime/setup.ts';
import { type SetTimer, sleep } from '../../runtime/time.ts';
import { AwsError, type AwsErrorKind } from './errors.ts';
import { ImdsError } from './imds.ts';

/** How a start waits for what may come late. */
export interface Patience {
  /** Counted from the start of the program, so that the steps of a start share it; 0 tries once. */
  readonly seconds: number;
  readonly log: Log;
  readonly stop?: AbortSignal | undefined;
  readonly timer?: SetTimer;
  /** ms since the start of the program. */
  readonly now?: () => number;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/**
 * What a new instance may be too early for: its profile takes some seconds to be attached, a policy to be known
 * everywhere; NTP has yet to set the clock. A queue or bucket that is missing is nearly always a misspelt name, and
 * templates make them before the machines that are told their names: no wait for those.
 */
const passing: ReadonlySet<AwsErrorKind> = new Set([
  'no-credentials',
  'bad-credentials',
  'no-region',
  'access-denied',
  'clock',
  'throttled',
  'network',
  'unavailable',
]);
/** Of what has not passed in time, that which somebody has to look at; the rest is AWS's own trouble. */
const operators: ReadonlySet<AwsErrorKind> = new Set([
  'no-credentials',
  'bad-credentials',
  'no-region',
  'access-denied',
  'missing',
  'wrong-region',
  'clock',
  'network',
  'refused',
  'foreign',
]);

/**
 * Tries a step of the start again, after growing pauses, while what fails may pass; says so once for each thing that is
 * missing. Rejects with a SetupError where an operator has to act, with StoppedAtStart as soon as `stop` aborts.
 */
export async function patiently<T>(patience: Patience, step: () => Promise<T>): Promise<T> {
  const { seconds, log, stop, timer, now = () => performance.now() } = patience;
  const begun = now();
  const pauses = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  const told = new Set<string>();
  for (;;) {
    try {
      const value = await unlessStopped(step, stop);
      if (told.size > 0) log.info('aws-there', { waitedSeconds: Math.round((now() - begun) / 1000) });
      return value;
    } catch (error) {
      const left = seconds * 1000 - now();
      if (left <= 0 || !mayPass(error, patience)) throw forOperators(error);
      const { message } = error as Error;
      if (!told.has(message))
        log.warn('waiting-for-aws', { error: message, waitSeconds: Math.ceil(left / 1000) });
      told.add(message);
      await sleep(Math.min(left, pauses.next()), stop, timer);
    }
  }
}

/** A step that cannot be aborted is left behind: the program ends. */
function unlessStopped<T>(step: () => Promise<T>, stop: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(new StoppedAtStart('asked to stop'));
    if (stop?.aborted) return leave();
    stop?.addEventListener('abort', leave, { once: true });
    step()
      .then(resolve, reject)
      .finally(() => stop?.removeEventListener('abort', leave));
  });
}

function mayPass(error: unknown, { environment = process.env }: Patience): boolean {
  if (error instanceof ImdsError) return true;
  if (!(error instanceof AwsError) || !passing.has(error.kind)) return false;
  // Without a metadata service, what was not configured before the start will not be later either.
  const configured = error.kind === 'no-credentials' || error.kind === 'no-region';
  if (configured && isMetadataDisabled(environment)) return false;
  return !/region not accepted: region="[^"]/i.test(error.message);
}

export function isMetadataDisabled(environment: Readonly<Record<string, string | undefined>>): boolean {
  const value = environment.AWS_EC2_METADATA_DISABLED;
  return value !== undefined && value !== '' && value.toLowerCase() !== 'false';
}

function forOperators(error: unknown): unknown {
  if (error instanceof ImdsError)
    return new SetupError(
      `${error.message}. A worker on AWS runs on an EC2 instance, with its metadata service switched on (in a container, with a hop limit of 2)`,
      { cause: error },
    );
  if (error instanceof AwsError && operators.has(error.kind))
    return new SetupError(error.message, { cause: error });
  return error;
}
