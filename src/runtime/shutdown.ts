import { isatty } from 'node:tty';

/** Exit codes, after sysexits.h. */
export const EXIT = { ok: 0, usage: 64, software: 70, config: 78 } as const;

export interface Shutdown {
  /** Aborts when the process should finish; the reason says why, as a string. */
  readonly signal: AbortSignal;
}

/**
 * One Ctrl-C can arrive several times: from the terminal, which signals the whole process group, and from each runner
 * (npx, bun run) that passes it on. Only what comes later than this after the first is meant as a second one. A SIGTERM is
 * sent by a program, to one process or to a group at once.
 */
const ECHO_MS = { SIGINT: 1000, SIGHUP: 1000, SIGTERM: 100 } as const;

const EXIT_OF = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

type StopSignal = keyof typeof EXIT_OF;

/** Calls `first` on the first signal and `again` on a later one, with the exit code that shells give to the signal. */
export function onStopSignal(
  first: (signal: string) => void,
  again: (exitCode: number) => void,
  signals: readonly StopSignal[] = ['SIGTERM', 'SIGINT', 'SIGHUP'],
): void {
  let echoUntil: number | undefined;
  for (const name of signals) {
    process.on(name, () => {
      if (echoUntil === undefined) {
        echoUntil = performance.now() + ECHO_MS[name];
        first(name);
      } else if (performance.now() > echoUntil) again(EXIT_OF[name]);
    });
  }
}

/** A parent asks for a reload by writing this to the life line, which a child at its start cannot miss as it can a signal. */
export const RELOAD_LINE = 'reload\n';

/**
 * SIGTERM, SIGINT and, with FACEREC_LIFELINE=stdin, the end of standard input (the parent process is gone) ask for a clean
 * end. A second signal ends the process at once. SIGHUP asks for a reload, but where a person's terminal was closed.
 */
export function listenForShutdown(lifeline: string | undefined, reload: () => void): Shutdown {
  const controller = new AbortController();
  const signals: StopSignal[] = ['SIGTERM', 'SIGINT'];
  if (isatty(0)) signals.push('SIGHUP');
  else process.on('SIGHUP', reload);
  onStopSignal(
    name => controller.abort(name),
    code => process.exit(code),
    signals,
  );
  if (lifeline === 'stdin') {
    process.stdin.on('end', () => controller.abort('the parent process is gone'));
    process.stdin.on('error', () => controller.abort('the parent process is gone'));
    process.stdin.on('data', data => {
      if (String(data).includes(RELOAD_LINE)) reload();
    });
  }
  return { signal: controller.signal };
}
