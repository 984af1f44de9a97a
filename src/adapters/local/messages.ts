import { Database } from 'bun:sqlite';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Message } from '../../ports.ts';

/** `FULL`: a commit survives power loss. `NORMAL`: it survives `kill -9`, and costs no fsync. */
export type Synchronous = 'FULL' | 'NORMAL';

export interface Counts {
  readonly visible: number;
  readonly inFlight: number;
  /** Visible again after `maxReceives` receives: to be moved, not delivered. */
  readonly spent: number;
}

interface Row {
  seq: number;
  id: string;
  body: string;
  sent_at: number;
  receives: number;
  nonce: string;
}

// `visible_at` is ms since the epoch. The nonce belongs to one receive, and makes every earlier receipt stale.
const schema = `
  CREATE TABLE IF NOT EXISTS messages (
    seq        INTEGER PRIMARY KEY,
    queue      TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    sent_at    INTEGER NOT NULL,
    visible_at INTEGER NOT NULL,
    receives   INTEGER NOT NULL DEFAULT 0,
    nonce      TEXT
  ) STRICT;
  CREATE INDEX IF NOT EXISTS by_visibility ON messages (queue, visible_at, receives);
  PRAGMA user_version = 1;`;

/** The messages of one queue in a SQLite file that queues and processes share. Every call is one transaction. */
export class MessageTable {
  readonly #db: Database;
  readonly #queue: string;

  constructor(file: string, queue: string, synchronous: Synchronous) {
    this.#db = openShared(file, synchronous);
    this.#queue = queue;
  }

  add(bodies: readonly string[], now: number): void {
    const insert = this.#db.query(
      'INSERT INTO messages (queue, id, body, sent_at, visible_at) VALUES (?1, ?2, ?3, ?4, ?4)',
    );
    this.#atomically(() => {
      for (const body of bodies) insert.run(this.#queue, Bun.randomUUIDv7(), body, now);
    });
  }

  /** When the next message is (or was) to be seen, ms since the epoch; undefined in an empty queue. A read only. */
  nextVisibleAt(): number | undefined {
    const row = this.#db
      .query<{ at: number | null }, [string]>('SELECT min(visible_at) AS at FROM messages WHERE queue = ?1')
      .get(this.#queue);
    return row?.at ?? undefined;
  }

  /**
   * Takes up to `max` visible messages and hides them until `hiddenUntil`. One that has been received `maxReceives`
   * times before is moved to `deadLetters` instead.
   */
  take(
    max: number,
    now: number,
    hiddenUntil: number,
    redrive?: Redrive,
  ): { taken: Message[]; moved: number } {
    const claim = this.#db.query<Row, [number, string, number, number]>(`
      UPDATE messages SET receives = receives + 1, visible_at = ?1, nonce = lower(hex(randomblob(12)))
      WHERE seq IN (
        SELECT seq FROM messages WHERE queue = ?2 AND visible_at <= ?3
        ORDER BY visible_at, receives, seq LIMIT ?4)
      RETURNING seq, id, body, sent_at, receives, nonce`);
    return this.#atomically(() => {
      const taken: Row[] = [];
      let moved = 0;
      for (;;) {
        const rows = claim.all(hiddenUntil, this.#queue, now, max - taken.length);
        const spent = redrive ? rows.filter(row => row.receives > redrive.maxReceives) : [];
        for (const { seq } of spent) this.#bury(seq, redrive!.deadLetters, now);
        taken.push(...rows.filter(row => !spent.includes(row)));
        moved += spent.length;
        if (spent.length === 0) break;
      }
      return { taken: taken.sort((a, b) => a.seq - b.seq).map(toMessage), moved };
    });
  }

  /** Moves what is visible and spent to the dead letters; the number moved. */
  bury(now: number, { maxReceives, deadLetters }: Redrive): number {
    const spent = this.#db.query<{ seq: number }, [string, number, number]>(
      'SELECT seq FROM messages WHERE queue = ?1 AND visible_at <= ?2 AND receives >= ?3',
    );
    return this.#atomically(() => {
      const rows = spent.all(this.#queue, now, maxReceives);
      for (const { seq } of rows) this.#bury(seq, deadLetters, now);
      return rows.length;
    });
  }

  /** Sets when a message in flight is seen again; false for a stale receipt. */
  hide(receipt: string, now: number, until: number): boolean {
    const [seq, nonce] = parseReceipt(receipt);
    const { changes } = this.#db
      .query(
        'UPDATE messages SET visible_at = ?1 WHERE seq = ?2 AND nonce = ?3 AND queue = ?4 AND visible_at > ?5',
      )
      .run(until, seq, nonce, this.#queue, now);
    return changes === 1;
  }

  remove(receipts: readonly string[]): void {
    const remove = this.#db.query('DELETE FROM messages WHERE seq = ?1 AND nonce = ?2 AND queue = ?3');
    this.#atomically(() => {
      for (const receipt of receipts) remove.run(...parseReceipt(receipt), this.#queue);
    });
  }

  count(now: number, maxReceives = Number.MAX_SAFE_INTEGER): Counts {
    const row = this.#db
      .query<{ everything: number; seen: number; spent: number }, [string, number, number]>(
        `SELECT count(*) AS everything,
           total(visible_at <= ?2) AS seen, total(visible_at <= ?2 AND receives >= ?3) AS spent
         FROM messages WHERE queue = ?1`,
      )
      .get(this.#queue, now, maxReceives)!;
    return { visible: row.seen - row.spent, inFlight: row.everything - row.seen, spent: row.spent };
  }

  /** Messages in another queue of the same file, seen or not. */
  countOf(queue: string): number {
    return this.#db
      .query<{ n: number }, [string]>('SELECT count(*) AS n FROM messages WHERE queue = ?1')
      .get(queue)!.n;
  }

  close(): void {
    this.#db.close();
  }

  #bury(seq: number, deadLetters: string, now: number): void {
    this.#db
      .query('UPDATE messages SET queue = ?1, visible_at = ?2, receives = 0, nonce = NULL WHERE seq = ?3')
      .run(deadLetters, now, seq);
  }

  /** The write lock is taken at the start: a read that turns into a write could not wait for it. */
  #atomically<T>(work: () => T): T {
    return this.#db.transaction(work).immediate();
  }
}

export interface Redrive {
  readonly maxReceives: number;
  /** Name of the queue that takes the messages received too often. */
  readonly deadLetters: string;
}

/** Waiting for other processes, ms. */
const PATIENCE_MS = 10_000;

function openShared(file: string, synchronous: Synchronous): Database {
  createPrivately(file);
  const db = new Database(file);
  try {
    db.run(`PRAGMA busy_timeout = ${PATIENCE_MS}`);
    switchToWal(db);
    db.run(`PRAGMA synchronous = ${synchronous}`);
    db.run('PRAGMA journal_size_limit = 16777216');
    db.transaction(() => createSchema(db, file)).immediate();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Of processes that switch at once, SQLite refuses some without regard to the busy timeout, lest they wait for each other. */
function switchToWal(db: Database): void {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      db.run('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (!String(code).startsWith('SQLITE_BUSY') || performance.now() > end) throw error;
      Bun.sleepSync(20 * Math.random());
    }
  }
}

function createSchema(db: Database, file: string): void {
  const version = db.query<{ user_version: number }, []>('PRAGMA user_version').get()?.user_version;
  if (version === 0) db.run(schema);
  else if (version !== 1) throw new Error(`${file} is a queue file of version ${version}, not 1`);
}

/**
 * Makes the file readable to its owner alone. Never opens one that is there: closing it again would drop the locks that
 * SQLite holds on it in this process.
 */
function createPrivately(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function toMessage(row: Row): Message {
  return {
    id: row.id,
    body: row.body,
    receipt: `${row.seq}.${row.nonce}`,
    receiveCount: row.receives,
    sentAt: row.sent_at,
  };
}

/** What was never a receipt matches no message. */
function parseReceipt(receipt: string): [seq: number, nonce: string] {
  const [, seq, nonce] = /^(\d{1,15})\.([0-9a-f]{24})$/.exec(receipt) ?? [];
  return seq !== undefined && nonce !== undefined ? [Number(seq), nonce] : [-1, ''];
}
