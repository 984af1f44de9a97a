import { join } from 'node:path';

/** A child process that runs a script of `children/`, with the lines that it has written so far. */
export interface Child {
  readonly pid: number;
  readonly lines: readonly string[];
  /** Ends it at once, whatever it is doing, and waits until it is gone and its output read. */
  kill(): Promise<void>;
  /** Resolves with the exit code when it has ended by itself (null after a kill) and its output is read. */
  readonly ended: Promise<number | null>;
}

/** The scripts are started without a shell; stderr goes to the terminal. */
export function startChild(script: string, ...args: string[]): Child {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, 'children', script), ...args], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const lines: string[] = [];
  const reading = readLines(child.stdout, lines);
  const ended = Promise.all([child.exited, reading]).then(() => child.exitCode);
  return {
    pid: child.pid,
    lines,
    ended,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** A last line without its newline was being written when the child died: it is left out. */
async function readLines(stream: ReadableStream<Uint8Array>, lines: string[]): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  }
}
