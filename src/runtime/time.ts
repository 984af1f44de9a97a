/** Calls `run` once after `ms`, unless the returned function is called before. Injected, so that no test sleeps. */
export type SetTimer = (run: () => void, ms: number) => () => void;

export const setTimer: SetTimer = (run, ms) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

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

/**
 * Gives `work` at most `ms`: then its signal aborts, and this rejects with an error named TimeoutError, whether `work`
 * heeds the signal or not.
 */
export function within<T>(
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  timer: SetTimer = setTimer,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = new AbortController();
    const cancel = timer(() => {
      const error = Object.assign(new Error(`no answer within ${ms / 1000} s`), { name: 'TimeoutError' });
      reject(error);
      late.abort(error);
    }, ms);
    work(late.signal).then(resolve, reject).finally(cancel);
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
