import { messageOf } from '../core/errors.ts';
import type { Log } from '../ports.ts';
import type { Metrics } from './metrics.ts';
import { aborted, sleep } from './time.ts';

export interface ListenerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly log: Log;
  /** Stops listening. */
  readonly signal: AbortSignal;
}

/** A predecessor may still hold the port. */
const PAUSE_MS = 1000;

/**
 * Serves `/metrics`, and nothing else, until the signal aborts. A port that cannot be had is tried for again and again: to
 * be watched is no condition of work. Never rejects.
 */
export async function serveMetrics(metrics: Metrics, options: ListenerOptions): Promise<void> {
  const { host, port, log, signal } = options;
  let told = false;
  while (!signal.aborted) {
    try {
      const server = listen(metrics, host, port);
      log.info('metrics-served', { url: new URL('/metrics', server.url).href });
      await aborted(signal);
      await server.stop(true);
    } catch (error) {
      if (!told) log.warn('metrics-not-served', { host, port, error: messageOf(error) });
      told = true;
      await sleep(PAUSE_MS, signal);
    }
  }
}

function listen(metrics: Metrics, hostname: string, port: number): Bun.Server<undefined> {
  return Bun.serve({
    hostname,
    port,
    async fetch(request) {
      if (new URL(request.url).pathname !== '/metrics') return new Response('Not found\n', { status: 404 });
      if (!['GET', 'HEAD'].includes(request.method))
        return new Response('Method not allowed\n', { status: 405, headers: { allow: 'GET, HEAD' } });
      return new Response(await metrics.text(), { headers: { 'content-type': metrics.contentType } });
    },
    error: () => new Response('Internal error\n', { status: 500 }),
  });
}
