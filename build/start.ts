/**
 * Runs the whole service on this machine: web server and controller, which starts the workers. Restarts what crashes;
 * Ctrl-C ends everything cleanly. Each child's standard input is a life line: when this process is killed the children
 * see it close and stop by themselves.
 */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError } from '../src/config.ts';
import { Settings } from '../src/runtime/settings.ts';
import { EXIT, onStopSignal } from '../src/runtime/shutdown.ts';
import { sleep } from '../src/runtime/time.ts';

const root = join(import.meta.dir, '..');
const PROGRAMS = ['web', 'controller'] as const;
/** A directory with executables, to run these instead of the sources. */
const { programs: executables } = parseArgs({ options: { programs: { type: 'string' } } }).values;
/** A program that ran this long had started well. */
const SETTLED_MS = 1000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

function say(text: string): void {
  process.stderr.write(`facerec: ${text}\n`);
}

try {
  new Settings(process.env);
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  say(error.message);
  process.exit(EXIT.config);
}

const stopping = new AbortController();
let exitCode = 0;
const children = new Map<string, Bun.Subprocess>();

function stop(): void {
  if (stopping.signal.aborted) return;
  stopping.abort();
  say('stopping; requests in hand are finished first (Ctrl-C again to stop at once)');
  for (const child of children.values()) child.kill('SIGTERM');
}

async function keepRunning(program: (typeof PROGRAMS)[number]): Promise<void> {
  let pause = FIRST_PAUSE_MS;
  while (!stopping.signal.aborted) {
    const started = performance.now();
    const command = executables
      ? [join(resolve(executables), `facerec-${program}`)]
      : [process.execPath, join(root, 'src', `${program}.ts`)];
    const child = Bun.spawn(command, {
      stdio: ['pipe', 'inherit', 'inherit'],
      env: { ...process.env, FACEREC_LIFELINE: 'stdin' },
      // A process group of its own: Ctrl-C in the terminal reaches this process only, which passes it on once.
      detached: true,
    });
    children.set(program, child);
    const code = await child.exited;
    children.delete(program);
    if (stopping.signal.aborted) return;
    if (code === EXIT.config) {
      exitCode = code;
      stop();
      return;
    }
    // SIGKILL comes from outside: no sign that the program cannot start.
    const settled = performance.now() - started > SETTLED_MS || child.signalCode === 'SIGKILL';
    pause = settled ? FIRST_PAUSE_MS : Math.min(LONGEST_PAUSE_MS, pause * 2);
    say(
      `${program} ended (${child.signalCode ?? `exit code ${code}`}); starting it again in ${pause / 1000} s`,
    );
    await sleep(pause, stopping.signal);
  }
}

onStopSignal(stop, code => {
  for (const child of children.values()) child.kill('SIGKILL');
  process.exit(code);
});

await Promise.all(PROGRAMS.map(keepRunning));
process.exit(exitCode);
