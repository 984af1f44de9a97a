import { messageOf } from '../../core/errors.ts';
import type { Depth, Log, Message, Queue, ReceiveOptions } from '../../ports.ts';
import { type SetTimer, setTimer, sleep } from '../../runtime/time.ts';
import { Batch, type Window } from './batch.ts';
import { checkBody } from './messages.ts';
import { type Extension, QueueCalls, type QueueCallsOptions } from './queueCalls.ts';

export interface SqsQueueOptions extends QueueCallsOptions {
  /** The queue that its redrive policy names, to count what lies there. */
  readonly deadLettersUrl?: string;
  /** How long a call waits for others to share its request. */
  readonly windows?: Partial<Windows>;
  /** How long the count of dead letters is believed, ms. */
  readonly deadLettersAgeMs?: number;
  /** How long an aborted poll may still answer, ms; what it brings is given back. Default: what SQS's speed calls for. */
  readonly abortGraceMs?: number;
  /** Wall clock, ms. */
  readonly now?: () => number;
  readonly timer?: SetTimer;
  /** Told when the dead letters cannot be counted. */
  readonly log?: Log;
}

export interface Windows {
  readonly send: Window;
  readonly extend: Window;
  readonly delete: Window;
}

/**
 * Somebody waits for a send. Nobody waits for a delete, and workers finish photos one by one; the same holds for sends of
 * completions, which are worth a spacing where requests are to be few.
 */
const defaultWindows: Windows = {
  send: { waitMs: 5, spacingMs: 0 },
  extend: { waitMs: 5, spacingMs: 0 },
  delete: { waitMs: 5, spacingMs: 1_000 },
};
/** Far more than ten of our messages; queues and servers that take less say so, and get less. */
const mostBatchBytes = 262_144;
const longestVisibilitySeconds = 43_200;
/** Whoever asks for the depth waits no longer than this for the count of dead letters, ms. */
const deadLettersMs = 1_000;

/** A visibility timeout on its way to SQS. */
interface Change {
  readonly seconds: number;
  readonly done: Promise<boolean>;
}

/**
 * A standard SQS queue. Concurrent calls share requests, ten at most; each gets its own outcome. Rejects with an
 * AwsError that names the queue, the IAM action and the variable.
 *
 * When a poll is aborted, an answer that is on its way is still awaited for a while and its messages are given back. What
 * SQS hands to the connection after that, before it notices that nobody is there, comes back when its visibility timeout
 * ends.
 */
export class SqsQueue implements Queue {
  readonly #options: SqsQueueOptions;
  readonly #calls: QueueCalls;
  readonly #timer: SetTimer;
  readonly #now: () => number;
  readonly #sends: Batch<string, void>;
  readonly #extends: Batch<Extension, boolean>;
  readonly #deletes: Batch<string, void>;
  readonly #polls = new Map<() => void, Promise<Message[]>>();
  /** By receipt: SQS may take two requests in another order than they were sent in. */
  readonly #changes = new Map<string, Change>();
  #dead = { count: 0, at: Number.NEGATIVE_INFINITY };
  #counting: Promise<void> | undefined;
  #uncounted = false;
  #closed = false;
  /** How long SQS took for the last call that does not wait. */
  #answerMs = 0;

  constructor(options: SqsQueueOptions) {
    this.#options = options;
    this.#calls = new QueueCalls(options);
    this.#timer = options.timer ?? setTimer;
    this.#now = options.now ?? Date.now;
    const windows = { ...defaultWindows, ...options.windows };
    const timer = this.#timer;
    this.#sends = new Batch({
      run: bodies => this.#timed(this.#calls.sendAll(bodies)),
      window: windows.send,
      sizeOf: body => Buffer.byteLength(body),
      mostBytes: mostBatchBytes,
      timer,
    });
    this.#extends = new Batch({
      run: extensions => this.#timed(this.#calls.extendAll(extensions)),
      window: windows.extend,
      timer,
    });
    this.#deletes = new Batch({
      run: receipts => this.#timed(this.#calls.deleteAll(receipts)),
      window: windows.delete,
      timer,
    });
  }

  /** Rejects with a TypeError for characters that SQS does not take. */
  async send(body: string): Promise<void> {
    this.#mustBeOpen();
    checkBody(body);
    await this.#sends.add(body);
  }

  async receive(options: ReceiveOptions): Promise<Message[]> {
    this.#mustBeOpen();
    const { max, waitSeconds, signal } = options;
    if (!Number.isInteger(max) || max < 1 || max > 10) throw new RangeError(`max is 1 to 10, not ${max}`);
    if (!(waitSeconds >= 0 && waitSeconds <= 20)) {
      throw new RangeError(`waitSeconds is 0 to 20, not ${waitSeconds}`);
    }
    if (signal?.aborted) return [];
    const ending = new AbortController();
    const end = () => ending.abort();
    signal?.addEventListener('abort', end, { once: true });
    const poll = this.#poll(options, ending.signal);
    this.#polls.set(end, poll);
    try {
      return await poll;
    } finally {
      this.#polls.delete(end);
      signal?.removeEventListener('abort', end);
    }
  }

  /** `seconds` are rounded up to whole ones. */
  async extend(receipt: string, seconds: number): Promise<boolean> {
    this.#mustBeOpen();
    if (!(seconds >= 0 && seconds <= longestVisibilitySeconds)) {
      throw new RangeError(`0 to ${longestVisibilitySeconds} seconds, not ${seconds}`);
    }
    return receipt !== '' && this.#change(receipt, Math.ceil(seconds));
  }

  async release(receipt: string): Promise<boolean> {
    return this.extend(receipt, 0);
  }

  async delete(receipt: string): Promise<void> {
    this.#mustBeOpen();
    if (receipt !== '') await this.#deletes.add(receipt);
  }

  /** When the dead letters alone cannot be counted, their last known number stands: nobody need stop for that. */
  async depth(): Promise<Depth> {
    this.#mustBeOpen();
    const [own, dead] = await Promise.all([
      this.#calls.count(this.#options.url, [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ]),
      this.#countDead(),
    ]);
    const [visible = 0, inFlight = 0, delayed = 0] = own;
    return { visible, inFlight, delayed, dead };
  }

  /** Ends polls with nothing received, and finishes what is being sent, extended or deleted. May come twice. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const end of this.#polls.keys()) end();
    await Promise.allSettled(this.#polls.values());
    this.#extends.flush();
    await Promise.allSettled([...this.#changes.values()].map(({ done }) => done));
    await Promise.all([this.#sends.settle(), this.#extends.settle(), this.#deletes.settle()]);
  }

  #change(receipt: string, seconds: number): Promise<boolean> {
    const before = this.#changes.get(receipt);
    const done = before
      ? this.#changeAfter(before, receipt, seconds)
      : this.#extends.add({ receipt, seconds });
    const change = { seconds, done };
    this.#changes.set(receipt, change);
    const forget = () => {
      if (this.#changes.get(receipt) === change) this.#changes.delete(receipt);
    };
    done.then(forget, forget);
    return done;
  }

  async #changeAfter(before: Change, receipt: string, seconds: number): Promise<boolean> {
    const changed = await before.done.catch(() => false);
    // It has been given back: a renewal must not hide it from those it was given back to.
    if (changed && before.seconds === 0) return false;
    return this.#extends.add({ receipt, seconds });
  }

  async #poll(options: ReceiveOptions, ending: AbortSignal): Promise<Message[]> {
    const connection = new AbortController();
    let stopWaiting: (() => void) | undefined;
    ending.addEventListener(
      'abort',
      () => {
        stopWaiting = this.#timer(() => connection.abort(), this.#abortGraceMs());
      },
      { once: true },
    );
    try {
      const messages = await this.#calls.receive(options, this.#now(), connection.signal);
      if (!ending.aborted) return messages;
      await this.#giveBack(messages);
      return [];
    } catch (error) {
      if (ending.aborted) return [];
      throw error;
    } finally {
      stopWaiting?.();
    }
  }

  /** Twice what SQS takes for an answer now: 200 ms but where it is slow, and 5 s at most. */
  #abortGraceMs(): number {
    return this.#options.abortGraceMs ?? Math.min(5_000, Math.max(200, 2 * this.#answerMs));
  }

  async #timed<T>(call: Promise<T>): Promise<T> {
    const begun = performance.now();
    const value = await call;
    this.#answerMs = performance.now() - begun;
    return value;
  }

  /** Their visibility timeout brings back what cannot be given back. */
  async #giveBack(messages: readonly Message[]): Promise<void> {
    const released = messages.map(({ receipt }) => this.#extends.add({ receipt, seconds: 0 }));
    this.#extends.flush();
    await Promise.allSettled(released);
  }

  async #countDead(): Promise<number> {
    const { deadLettersUrl, deadLettersAgeMs = 10_000 } = this.#options;
    if (deadLettersUrl === undefined) return 0;
    if (this.#now() - this.#dead.at >= deadLettersAgeMs)
      this.#counting ??= this.#recount(deadLettersUrl).finally(() => {
        this.#counting = undefined;
      });
    if (this.#counting) {
      const counted = new AbortController();
      void this.#counting.finally(() => counted.abort());
      await sleep(deadLettersMs, counted.signal, this.#timer);
    }
    return this.#dead.count;
  }

  async #recount(url: string): Promise<void> {
    const at = this.#now();
    try {
      const [visible = 0, inFlight = 0] = await this.#calls.count(url, [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
      ]);
      this.#dead = { count: visible + inFlight, at };
      if (this.#uncounted) this.#options.log?.info('dead-letters-counted-again');
      this.#uncounted = false;
    } catch (error) {
      this.#dead = { ...this.#dead, at };
      if (!this.#uncounted) this.#options.log?.warn('dead-letters-uncounted', { error: messageOf(error) });
      this.#uncounted = true;
    }
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new Error('the queue is closed');
  }
}
