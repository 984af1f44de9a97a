import { Problem } from './problem.ts';

export interface ServeOptions {
  /** Makes the application; it calls `keepOpen` for requests that it holds. */
  readonly app: (keepOpen: (request: Request) => void) => {
    fetch(request: Request): Response | Promise<Response>;
  };
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** A connection on which nothing moves is closed after about that time, unless its request is held. 60 s by default. */
  readonly idleSeconds?: number;
}

export interface WebServer {
  readonly url: URL;
  /**
   * Takes no more connections, lets running requests finish for at most `graceMs`, then closes what is left. Those who
   * wait for results are sent away by `Waiting.close()`, best called right after this.
   */
  stop(graceMs?: number): Promise<void>;
}

/** Listens. Throws when the address is taken. */
export function serve({ app, host, port, idleSeconds = 60 }: ServeOptions): WebServer {
  const held = new WeakSet<Request>();
  const { fetch } = app(request => {
    held.add(request);
    server.timeout(request, 0);
  });
  const server = Bun.serve({
    hostname: host,
    port,
    idleTimeout: idleSeconds,
    // The application counts, and says so in a problem; Bun's own 413 has no body.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: async request => {
      try {
        return await fetch(request);
      } finally {
        // Or the connection, kept alive by the client, would never be closed.
        if (held.has(request)) server.timeout(request, idleSeconds);
      }
    },
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
