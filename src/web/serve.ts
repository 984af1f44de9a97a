import { Problem } from './problem.ts';

export interface ServeOptions {
  /** Makes the application; it calls `keepOpen` for requests that it holds. */
  readonly app: (keepOpen: (request: Request) => void) => {
    fetch(request: Request): Response | Promise<Response>;
  };
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

export interface WebServer {
  readonly url: URL;
  /**
   * Takes no more connections, lets running requests finish for at most `graceMs`, then closes what is left. Those who
   * wait for results are sent away by `Waiting.close()`, best called right after this.
   */
  stop(graceMs?: number): Promise<void>;
}

/** A connection on which nothing moves is closed after this many seconds, unless its request is held. */
const IDLE_SECONDS = 60;

/** Listens. Throws when the address is taken. */
export function serve({ app, host, port }: ServeOptions): WebServer {
  const { fetch } = app(request => server.timeout(request, 0));
  const server = Bun.serve({
    hostname: host,
    port,
    idleTimeout: IDLE_SECONDS,
    // The application counts, and says so in a problem; Bun's own 413 has no body.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: request => fetch(request),
    error: () => new Problem('internal', 'Try again.').toResponse(),
  });
  return {
    url: server.url,
    stop: async (graceMs = 10_000) => {
      const finished = server.stop();
      const timer = setTimeout(() => server.stop(true), graceMs);
      await finished;
      clearTimeout(timer);
    },
  };
}
