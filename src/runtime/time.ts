/** Calls `run` once after `ms`, unless the returned function is called before. Injected, so that no test sleeps. */
export type SetTimer = (run: () => void, ms: number) => () => void;

export const setTimer: SetTimer = (run, ms) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

/** Resolves after `ms`, or at once when the signal aborts. Never rejects; leaves neither timer nor listener behind. */
export function sleep(ms: number, signal?: AbortSignal, timer: SetTimer = setTimer): Promise<void> {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = timer(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Calls `task` every `ms` until the signal aborts, never twice at once; waits for the running call. */
export async function every(ms: number, signal: AbortSignal, task: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    const started = performance.now();
    await task();
    await sleep(Math.max(0, ms - (performance.now() - started)), signal);
  }
}
