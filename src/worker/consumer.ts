import { messageOf } from '../core/errors.ts';
import type { Log, Message, Queue } from '../ports.ts';
import { Backoff } from '../runtime/backoff.ts';
import { sleep } from '../runtime/time.ts';
import type { Suspects } from './suspects.ts';

export interface ConsumerOptions {
  readonly queue: Queue;
  /** Calls `worked` when all that is left is to tell the queues, which takes no hands. */
  readonly handle: (message: Message, draining: AbortSignal, worked: () => void) => Promise<unknown>;
  readonly suspects: Pick<Suspects, 'inOrder' | 'alone'>;
  readonly pollSeconds: number;
  /** Messages in hand are renewed three times in this time. */
  readonly visibilitySeconds: number;
  readonly log: Log;
  readonly now?: () => number;
}

/** Most messages in hand at once: one is being recognised, the others are downloaded and decoded ahead. */
const MOST = 10;
/** Fetch more when no more than this many are left: the next poll's answer arrives before the hands are empty. */
const FEW = 5;
/** Of those that only the queues are still to be told of, no more than this many: the queues may be slow to answer. */
const UNTOLD = 40;

/** Receives, hands over, renews what is in hand, and stops cleanly. */
export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #now: () => number;
  /** Receipts of all messages in hand, and what is being done about them. */
  readonly #inHand = new Map<string, Promise<void>>();
  /** How many of them are still worked on. */
  #working = 0;
  #roomAgain: (() => void) | undefined;
  #idleSince: number | null;
  #processed = 0;
  #busyMs = 0;
  /** Until when the present time with messages in hand is in `#busyMs`. */
  #countedAt = 0;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#idleSince = this.#now();
  }

  /** ms since the epoch; null while messages are in hand. */
  get idleSince(): number | null {
    return this.#idleSince;
  }

  get processed(): number {
    return this.#processed;
  }

  /** How long messages have been in hand, until the last one that was finished, ms in all. */
  get busyMs(): number {
    return this.#busyMs;
  }

  /** Until the signal aborts; resolves when all that was in hand is finished or given back. */
  async run(signal: AbortSignal): Promise<void> {
    const { queue, visibilitySeconds, pollSeconds, log } = this.#options;
    const renewal = setInterval(() => void this.#renew(), (visibilitySeconds * 1000) / 3);
    const backoff = new Backoff(200, 5000);
    try {
      while (!signal.aborted) {
        await this.#wait(() => this.#working <= FEW && this.#inHand.size <= UNTOLD, signal);
        if (signal.aborted) break;
        try {
          const max = MOST - this.#working;
          const messages = await queue.receive({ max, waitSeconds: pollSeconds, signal });
          if (backoff.failing) log.info('queue-back');
          backoff.reset();
          await this.#take(messages, signal);
        } catch (error) {
          if (!backoff.failing) log.error('queue-unavailable', { error: messageOf(error) });
          await sleep(backoff.next(), signal);
        }
      }
      await Promise.all(this.#inHand.values());
    } finally {
      clearInterval(renewal);
    }
  }

  /** Begins what is new at once. What was received before is tried one by one, with nothing else in hand. */
  async #take(messages: readonly Message[], signal: AbortSignal): Promise<void> {
    if (messages.length > 0 && this.#idleSince !== null) {
      this.#countedAt = this.#now();
      this.#idleSince = null;
    }
    const held = messages.filter(({ receiveCount }) => receiveCount > 1);
    const turn = Promise.withResolvers<void>();
    // In hand from now on, so that they are renewed while they wait for their turn.
    for (const { receipt } of held) this.#inHand.set(receipt, turn.promise);
    for (const message of messages) if (message.receiveCount === 1) this.#begin(message, signal);
    if (held.length === 0) return;
    await this.#wait(() => this.#inHand.size <= held.length, signal);
    const { suspects } = this.#options;
    for (const message of await suspects.inOrder(held))
      await suspects.alone(message, async one => this.#begin(one, signal));
    turn.resolve();
  }

  #begin(message: Message, signal: AbortSignal): Promise<void> {
    const { handle, log } = this.#options;
    this.#working++;
    let working = true;
    const worked = () => {
      if (working) this.#working--;
      working = false;
      this.#roomAgain?.();
    };
    const work = handle(message, signal, worked)
      .catch(error => log.error('message-error', { message: message.id, error: messageOf(error) }))
      .then(() => {
        this.#inHand.delete(message.receipt);
        this.#processed++;
        const now = this.#now();
        this.#busyMs += Math.max(0, now - this.#countedAt);
        this.#countedAt = now;
        if (this.#inHand.size === 0) this.#idleSince = now;
        worked();
      });
    this.#inHand.set(message.receipt, work);
    return work;
  }

  /** Resolves when there is room again, or the signal aborts. */
  #wait(isRoom: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const check = () => {
        if (!isRoom() && !signal.aborted) return;
        this.#roomAgain = undefined;
        signal.removeEventListener('abort', check);
        resolve();
      };
      this.#roomAgain = check;
      signal.addEventListener('abort', check, { once: true });
      check();
    });
  }

  async #renew(): Promise<void> {
    const { queue, visibilitySeconds, log } = this.#options;
    const renewals = [...this.#inHand.keys()].map(receipt => queue.extend(receipt, visibilitySeconds));
    for (const outcome of await Promise.allSettled(renewals))
      if (outcome.status === 'rejected') log.warn('renewal-error', { error: messageOf(outcome.reason) });
  }
}
