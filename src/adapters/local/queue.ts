import type { Depth, Message, Queue, ReceiveOptions } from '../../ports.ts';
import { Batch } from './batch.ts';
import { Bell } from './bell.ts';
import { MessageTable, type Redrive } from './messages.ts';

export interface LocalQueueOptions {
  /** The SQLite file, shared by queues and processes; on a local disk. Its directory is made when missing. */
  readonly file: string;
  /** 1 to 80 letters, digits, `-` and `_`. */
  readonly name: string;
  /** How long a received message stays hidden. */
  readonly visibilitySeconds: number;
  /** A message received that often goes to `deadLetters` instead of being delivered again. */
  readonly maxReceives?: number;
  /** Name of the dead-letter queue, in the same file. */
  readonly deadLetters?: string;
  /** Whether a sent message survives power loss (the default), or a crash of the process only. */
  readonly durable?: boolean;
  /** Wall clock that dates and hides messages, ms. Long polls are timed by the monotonic clock. */
  readonly now?: () => number;
}

/**
 * A queue with SQS's meaning in a SQLite file. Any process may be killed at any moment: what it had received is
 * delivered again after the visibility timeout, and what `send` acknowledged is there.
 */
export class LocalQueue implements Queue {
  readonly #table: MessageTable;
  readonly #durable: MessageTable;
  readonly #sends: Batch<string>;
  readonly #deletes: Batch<string>;
  readonly #bell: Bell;
  readonly #deadBell: Bell | undefined;
  readonly #redrive: Redrive | undefined;
  readonly #visibilityMs: number;
  readonly #now: () => number;
  #closed = false;

  /** Throws a RangeError for options out of range, and SQLite's error when the file cannot be used. */
  constructor(options: LocalQueueOptions) {
    const { file, name, durable = true, now = Date.now } = options;
    checkName(name);
    this.#redrive = redriveOf(options);
    this.#visibilityMs = milliseconds(options.visibilitySeconds);
    this.#now = now;
    this.#bell = new Bell(bellFile(file, name));
    this.#deadBell = this.#redrive && new Bell(bellFile(file, this.#redrive.deadLetters));
    // Losing a delete or an extend to a power cut means one more delivery, which the queue's meaning allows.
    this.#table = new MessageTable(file, name, 'NORMAL');
    this.#durable = durable ? new MessageTable(file, name, 'FULL') : this.#table;
    this.#deletes = new Batch(receipts => this.#table.remove(receipts));
    this.#sends = new Batch(bodies => {
      this.#durable.add(bodies, this.#now());
      this.#bell.ring();
    });
  }

  async send(body: string): Promise<void> {
    this.#mustBeOpen();
    if (!body.isWellFormed()) throw new TypeError('a message body must be well-formed Unicode');
    await this.#sends.add(body);
  }

  async receive({ max, waitSeconds, signal }: ReceiveOptions): Promise<Message[]> {
    this.#mustBeOpen();
    if (!Number.isInteger(max) || max < 1 || max > 10) throw new RangeError(`max is 1 to 10, not ${max}`);
    if (!(waitSeconds >= 0 && waitSeconds <= 20)) {
      throw new RangeError(`waitSeconds is 0 to 20, not ${waitSeconds}`);
    }
    const end = performance.now() + waitSeconds * 1_000;
    if (waitSeconds > 0) this.#bell.listen();
    // Nothing is awaited between taking and returning: a poll that is aborted has taken nothing.
    while (!this.#closed && !signal?.aborted) {
      const next = this.#table.nextVisibleAt() ?? Number.POSITIVE_INFINITY;
      const messages = next <= this.#now() ? this.#take(max) : [];
      const left = end - performance.now();
      if (messages.length > 0 || left <= 0) return messages;
      await this.#bell.wait(Math.min(left, Math.max(0, next - this.#now())), signal);
    }
    return [];
  }

  async extend(receipt: string, seconds: number): Promise<boolean> {
    this.#mustBeOpen();
    const now = this.#now();
    const extended = this.#table.hide(receipt, now, now + milliseconds(seconds));
    // Receivers sleep until the next message is to be seen, and that may now be earlier.
    if (extended) this.#bell.ring();
    return extended;
  }

  async release(receipt: string): Promise<boolean> {
    return this.extend(receipt, 0);
  }

  async delete(receipt: string): Promise<void> {
    this.#mustBeOpen();
    await this.#deletes.add(receipt);
  }

  async depth(): Promise<Depth> {
    this.#mustBeOpen();
    const { visible, inFlight, spent } = this.#table.count(this.#now(), this.#redrive?.maxReceives);
    if (this.#redrive && spent > 0) this.#buried(this.#table.bury(this.#now(), this.#redrive));
    const dead = this.#redrive ? this.#table.countOf(this.#redrive.deadLetters) : 0;
    return { visible, inFlight, delayed: 0, dead };
  }

  /** Ends polls with nothing received, commits what is being sent or deleted, closes the file. May come twice. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#sends.flush();
    this.#deletes.flush();
    this.#bell.close();
    this.#durable.close();
    this.#table.close();
  }

  #take(max: number): Message[] {
    const now = this.#now();
    const { taken, moved } = this.#table.take(max, now, now + this.#visibilityMs, this.#redrive);
    this.#buried(moved);
    return taken;
  }

  #buried(moved: number): void {
    if (moved > 0) this.#deadBell?.ring();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new Error('the queue is closed');
  }
}

/** SQS's rule. A name is part of a path (the bell), so it is also what keeps it there. */
function checkName(name: string): void {
  if (!/^[A-Za-z0-9_-]{1,80}$/.test(name)) {
    throw new RangeError(`a queue name is 1 to 80 letters, digits, - and _, not ${JSON.stringify(name)}`);
  }
}

function redriveOf({ name, maxReceives, deadLetters }: LocalQueueOptions): Redrive | undefined {
  if (maxReceives === undefined && deadLetters === undefined) return undefined;
  if (maxReceives === undefined || deadLetters === undefined) {
    throw new RangeError('maxReceives and deadLetters are set together or not at all');
  }
  checkName(deadLetters);
  if (deadLetters === name) throw new RangeError(`queue ${name} cannot be its own dead-letter queue`);
  if (!Number.isInteger(maxReceives) || maxReceives < 1) {
    throw new RangeError(`maxReceives is a whole number from 1, not ${maxReceives}`);
  }
  return { maxReceives, deadLetters };
}

function milliseconds(seconds: number): number {
  if (!(seconds >= 0 && seconds <= 43_200)) throw new RangeError(`0 to 43200 seconds, not ${seconds}`);
  return Math.round(seconds * 1_000);
}

function bellFile(file: string, name: string): string {
  return `${file}.${name}.bell`;
}
