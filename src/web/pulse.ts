import { connect } from 'node:net';
import { Backoff } from '../runtime/backoff.ts';
import type { Life, Signs } from '../runtime/life.ts';
import { sleep } from '../runtime/time.ts';

const ANSWER_MS = 5000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;

/** The status of the server's own answer, asked over the network; undefined where there is none in time. Never rejects. */
export function askItself(url: URL, path: string): Promise<number | undefined> {
  // Not with fetch: it would go by way of a proxy that the environment names.
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80) });
  socket.setTimeout(ANSWER_MS, () => resolve(undefined));
  socket.on('error', () => resolve(undefined));
  socket.on('close', () => resolve(undefined));
  socket.on('connect', () =>
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: close\r\n\r\n`),
  );
  let head = '';
  socket.on('data', data => {
    head += data.toString('latin1');
    const [, status] = /^HTTP\/1\.1 (\d{3}) .*\r\n/.exec(head) ?? [];
    if (status !== undefined) resolve(Number(status));
  });
  return promise.finally(() => socket.destroy());
}

export interface WebPulseOptions {
  readonly url: URL;
  /** How many clients wait for results. */
  readonly waiting: () => number;
  readonly stopping: () => boolean;
  readonly ask?: typeof askItself;
  /** ms of a clock that only goes forward. */
  readonly now?: () => number;
}

/** Asks the server itself for a sign of life, as a client would. */
export class WebPulse implements Signs {
  readonly #options: Required<WebPulseOptions>;
  #answeredAt: number;
  #asking = false;

  constructor(options: WebPulseOptions) {
    this.#options = { ask: askItself, now: () => performance.now(), ...options };
    this.#answeredAt = this.#options.now();
  }

  status(): string {
    const { url, waiting, stopping } = this.#options;
    const clients = `${waiting()} waiting for results`;
    return stopping() ? 'finishing the requests under way' : `serving on ${url.href}, ${clients}`;
  }

  stuck(patienceMs: number): string | undefined {
    const { stopping, now } = this.#options;
    // The port is closed then, and running requests end in bounded time.
    if (stopping()) return undefined;
    void this.#check();
    const silentMs = now() - this.#answeredAt;
    return silentMs > patienceMs
      ? `the server has not answered itself for ${Math.round(silentMs / 1000)} s`
      : undefined;
  }

  async #check(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const { ask, url, now } = this.#options;
    if ((await ask(url, '/healthz')) === 200) this.#answeredAt = now();
    this.#asking = false;
  }
}

/** Says that the server is ready once it reaches its queue and stores. */
export async function readyWhenReachable(
  life: Life,
  options: WebPulseOptions,
  stop: AbortSignal,
): Promise<void> {
  const ask = options.ask ?? askItself;
  const backoff = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  while (!stop.aborted) {
    if ((await ask(options.url, '/readyz')) === 200) return life.ready(new WebPulse(options));
    await sleep(backoff.next(), stop);
  }
}
