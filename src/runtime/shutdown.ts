/** Exit codes, after sysexits.h. */
export const EXIT = { ok: 0, usage: 64, software: 70, config: 78 } as const;

export interface Shutdown {
  /** Aborts when the process should finish; the reason says why, as a string. */
  readonly signal: AbortSignal;
}

/**
 * One Ctrl-C can arrive several times: from the terminal, which signals the whole process group, and from each runner
 * (npx, bun run) that passes it on. Only what comes later than this is meant as a second one.
 */
const ECHO_MS = 1000;

const EXIT_OF = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** Calls `first` on the first signal and `again` on a later one, with the exit code that shells give to the signal. */
export function onStopSignal(first: (signal: string) => void, again: (exitCode: number) => void): void {
  let firstAt: number | undefined;
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (firstAt === undefined) {
        firstAt = performance.now();
        first(name);
      } else if (performance.now() - firstAt > ECHO_MS) again(EXIT_OF[name]);
    });
  }
}

/**
 * SIGTERM, SIGINT, SIGHUP and, with FACEREC_LIFELINE=stdin, the end of standard input (the parent process is gone) ask
 * for a clean end. A second signal ends the process at once.
 */
export function listenForShutdown(lifeline: string | undefined): Shutdown {
  const controller = new AbortController();
  onStopSignal(
    name => controller.abort(name),
    code => process.exit(code),
  );
  if (lifeline === 'stdin') {
    process.stdin.on('end', () => controller.abort('the parent process is gone'));
    process.stdin.on('error', () => controller.abort('the parent process is gone'));
    process.stdin.resume();
  }
  return { signal: controller.signal };
}
