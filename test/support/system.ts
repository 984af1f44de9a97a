import { join, resolve } from 'node:path';

const root = join(import.meta.dir, '..', '..');

/** A directory with executables that take the place of the sources, for tests of the programs as they are shipped. */
const executables = process.env.FACEREC_TEST_PROGRAMS && resolve(process.env.FACEREC_TEST_PROGRAMS);

export interface Running {
  readonly child: Bun.Subprocess<'ignore' | 'pipe', 'pipe', 'pipe'>;
  /** All that it wrote so far. */
  output(): string;
  /** Resolves when standard output or error holds a match; rejects when the process ends before. */
  said(pattern: RegExp, deadlineMs?: number): Promise<RegExpExecArray>;
  /** Sends the signal and waits for the end; resolves to the exit code, null when a signal ended it. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

/** The environment of this process without its own facerec settings, and with those given. */
export function environment(settings: Readonly<Record<string, string>>): Record<string, string> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('FACEREC_'));
  return { ...(Object.fromEntries(own) as Record<string, string>), ...settings };
}

/** Runs one of the project's scripts, such as `src/web.ts`, with Bun; a program as an executable where these are tested. */
export function run(
  script: string,
  settings: Readonly<Record<string, string>>,
  words: readonly string[] = [],
): Running {
  const program = /^src\/(web|controller|worker)\.ts$/.exec(script)?.[1];
  const command =
    executables && program
      ? [join(executables, `facerec-${program}`)]
      : [process.execPath, join(root, script)];
  return start([...command, ...words], environment(settings));
}

/** Runs a command with this environment and no other. */
export function start(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string = root,
): Running {
  const child = Bun.spawn([...command], { cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const listeners = new Set<() => void>();
  const collect = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true });
      for (const listener of listeners) listener();
    }
  };
  const collected = Promise.all([collect(child.stdout), collect(child.stderr)]);
  return {
    child,
    output: () => text,
    said(pattern, deadlineMs = 60_000) {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
      const check = () => {
        const match = pattern.exec(text);
        if (match) resolve(match);
      };
      listeners.add(check);
      check();
      const fail = (why: string) =>
        reject(new Error(`${command.join(' ')} ${why} without saying ${pattern}:\n${text}`));
      const timer = setTimeout(() => fail(`ran ${deadlineMs} ms`), deadlineMs);
      void collected.then(() => {
        check();
        fail('ended');
      });
      return promise.finally(() => {
        clearTimeout(timer);
        listeners.delete(check);
      });
    },
    async end(signal = 'SIGTERM') {
      child.kill(signal);
      await child.exited;
      await collected;
      return child.exitCode;
    },
  };
}

export interface System extends Running {
  readonly url: URL;
}

/** The whole service as `bun run start` runs it, on a free port, with its data in `directory`. */
export async function startSystem(
  directory: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<System> {
  const words = executables ? ['--programs', executables] : [];
  const running = run('build/start.ts', { FACEREC_DATA: directory, FACEREC_PORT: '0', ...settings }, words);
  const [, url] = await running.said(/facerec-web listens on (\S+)/);
  return { ...running, url: new URL(url!) };
}

/**
 * A port that is free now, for a server that must come back on the same one: below those that the system gives to
 * clients, or a client might be given it while the server is away.
 */
export function freePort(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    try {
      void Bun.serve({ port, hostname: '127.0.0.1', fetch: () => new Response() }).stop(true);
      return port;
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'EADDRINUSE') throw error;
    }
  }
}
