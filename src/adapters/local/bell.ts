import { type FSWatcher, utimesSync, watch, writeFileSync } from 'node:fs';

/** How long a waiter trusts inotify before it looks for itself, ms. */
const recheckMs = 2_000;
/** The same where the bell file cannot be watched (no inotify instances left, say), ms. */
const unwatchedRecheckMs = 50;

/**
 * Wakes the receivers of a queue, in this process and in others: ringing touches a file that listeners watch. A ring
 * carries nothing and may be lost or come twice; it only says that it is worth looking again.
 */
export class Bell {
  readonly #file: string;
  readonly #waiters = new Set<() => void>();
  #watcher: FSWatcher | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** To be called after what there is to see has been committed. */
  ring(): void {
    this.#wake();
    try {
      touch(this.#file);
    } catch {
      // A full or read-only disk: the receivers' own look (`recheckMs`) finds the message a little later.
    }
  }

  /** Begins to hear other processes. Comes before the look that precedes `wait`, or a ring between them is lost. */
  listen(): void {
    if (this.#watcher !== undefined) return;
    try {
      touch(this.#file);
      this.#watcher = watch(this.#file, () => this.#wake()).unref();
      this.#watcher.on('error', () => this.#unwatch());
    } catch {
      this.#unwatch();
    }
  }

  /** Resolves at the next ring, when the signal fires, or after `ms`; sooner where looking again is due. */
  wait(ms: number, signal?: AbortSignal): Promise<void> {
    const recheck = this.#watcher === undefined ? unwatchedRecheckMs : recheckMs;
    return new Promise(resolve => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(1, Math.min(ms, recheck)));
      this.#waiters.add(done);
      signal?.addEventListener('abort', done);
    });
  }

  close(): void {
    this.#unwatch();
    this.#wake();
  }

  #wake(): void {
    for (const done of [...this.#waiters]) done();
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}

/** A change of times reaches inotify as well as a write does, and needs no room on a full disk. */
function touch(file: string): void {
  const time = Date.now() / 1_000;
  try {
    utimesSync(file, time, time);
  } catch {
    writeFileSync(file, '', { mode: 0o600 });
  }
}
