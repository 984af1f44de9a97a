/**
 * Preloaded into a worker: photos of 7 × 7 pixels kill the process when they reach the engine, as a fault in native code
 * or the kernel's out-of-memory killer would.
 */
const original = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (this: Worker, message: unknown, ...rest: unknown[]) {
  const { find } = (message ?? {}) as { find?: { upright: { width: number; height: number } } };
  if (find?.upright.width === 7 && find.upright.height === 7) process.kill(process.pid, 'SIGKILL');
  Reflect.apply(original, this, [message, ...rest]);
};

export {};
