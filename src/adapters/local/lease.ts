import { Database } from 'bun:sqlite';
import type { Lease } from '../../ports.ts';

/**
 * Lets one controller act on a directory: it holds SQLite's write lock on a file without data. The lock is the kernel's
 * and goes with its process, however that dies, so the next one acts at once.
 */
export class LocalLease implements Lease {
  readonly #db: Database;
  #held = false;

  constructor(file: string) {
    this.#db = new Database(file, { create: true });
    this.#db.run('PRAGMA busy_timeout = 0');
  }

  async mayAct(): Promise<boolean> {
    if (this.#held) return true;
    try {
      this.#db.run('BEGIN IMMEDIATE');
      this.#held = true;
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'SQLITE_BUSY') throw error;
    }
    return this.#held;
  }

  async release(): Promise<void> {
    this.#held = false;
    this.#db.close();
  }
}
