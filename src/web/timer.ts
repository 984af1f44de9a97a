/** Calls `run` once after `ms`, unless the returned function is called before. Injected, so that no test sleeps. */
export type SetTimer = (run: () => void, ms: number) => () => void;

export const setTimer: SetTimer = (run, ms) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

/** Resolves after `ms`, or as soon as the signal fires. Leaves neither timer nor listener behind. */
export function pause(ms: number, signal?: AbortSignal, timer: SetTimer = setTimer): Promise<void> {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = timer(done, ms);
    signal?.addEventListener('abort', done);
  });
}
