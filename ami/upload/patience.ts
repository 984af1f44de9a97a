import { setTimeout as sleep } from 'node:timers/promises';

export interface PatienceOptions {
  /** How long something is tried, ms: a new snapshot may stay unknown to the servers that take blocks for two minutes. */
  readonly patienceMs?: number;
  /** The first pause is a random part of this, ms; each further one of twice as much, up to 32 times. */
  readonly pauseMs?: number;
}

const passing = [
  'ResourceNotFoundException',
  'RequestThrottledException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'ConcurrentLimitExceededException',
  'TimeoutError',
];

/** Tries a call again while what went wrong may pass: throttling, faults of the service or the network, what lags behind. */
export async function patiently<T>(call: () => Promise<T>, options: PatienceOptions = {}): Promise<T> {
  const { patienceMs = 150_000, pauseMs = 250 } = options;
  const end = performance.now() + patienceMs;
  for (let tries = 0; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if (!mayPass(error) || performance.now() > end) throw error;
      await sleep(Math.random() * pauseMs * 2 ** Math.min(tries, 5));
    }
  }
}

function mayPass(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  if (passing.includes(error.name) || (status !== undefined && status >= 500)) return true;
  // No answer at all: the connection was refused, or cut.
  return status === undefined && /^(E[A-Z]+|Connection\w+|FailedToOpenSocket|UNKNOWN)$/.test(codeOf(error));
}

function codeOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}
