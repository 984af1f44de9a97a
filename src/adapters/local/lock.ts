import { Database } from 'bun:sqlite';
import { statSync } from 'node:fs';

/**
 * Mutual exclusion between processes, for short synchronous work. It is SQLite's write lock on a file that holds no
 * data, because that is a lock of the kernel: it goes with the process that held it, however that died. A lock file
 * with a process id in it would have to guess whether its owner is alive, and two takers may guess at once.
 */
export class ProcessLock {
  readonly #db: Database;

  constructor(file: string) {
    this.#db = new Database(file, { create: true });
    this.#db.run('PRAGMA busy_timeout = 10000');
    // An empty file would be initialised, with an fsync, by everyone who takes the lock.
    const { size } = statSync(file);
    if (size === 0) this.#db.run('PRAGMA user_version = 1');
  }

  /** Runs `work` while no other process does. Waits up to 10 s for its turn, then throws. */
  hold<T>(work: () => T): T {
    this.#db.run('BEGIN IMMEDIATE');
    try {
      return work();
    } finally {
      this.#db.run('ROLLBACK');
    }
  }

  close(): void {
    this.#db.close();
  }
}
