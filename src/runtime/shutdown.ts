/** Exit codes, after sysexits.h. */
export const EXIT = { ok: 0, usage: 64, software: 70, temporary: 75, config: 78 } as const;

export interface Shutdown {
  /** Aborts when the process should finish; the reason says why, as a string. */
  readonly signal: AbortSignal;
}

/**
 * SIGTERM, SIGINT and, with FACEREC_LIFELINE=stdin, the end of standard input (the parent process is gone) ask for a
 * clean end. A second signal ends the process at once.
 */
export function listenForShutdown(lifeline: string | undefined): Shutdown {
  const controller = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
      controller.abort(name);
    });
  }
  if (lifeline === 'stdin') {
    process.stdin.on('end', () => controller.abort('the parent process is gone'));
    process.stdin.on('error', () => controller.abort('the parent process is gone'));
    process.stdin.resume();
  }
  return { signal: controller.signal };
}
