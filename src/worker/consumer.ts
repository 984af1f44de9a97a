import { messageOf } from '../core/errors.ts';
import type { Log, Message, Queue } from '../ports.ts';
import { Backoff } from '../runtime/backoff.ts';
import { sleep } from '../runtime/time.ts';

export interface ConsumerOptions {
  readonly queue: Queue;
  readonly handle: (message: Message, draining: AbortSignal) => Promise<unknown>;
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

/** Receives, hands over, renews what is in hand, and stops cleanly. */
export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #now: () => number;
  readonly #inHand = new Map<string, Promise<void>>();
  #roomAgain: (() => void) | undefined;
  #idleSince: number | null;
  #processed = 0;

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

  /** Until the signal aborts; resolves when all that was in hand is finished or given back. */
  async run(signal: AbortSignal): Promise<void> {
    const { queue, visibilitySeconds, pollSeconds, log } = this.#options;
    const renewal = setInterval(() => void this.#renew(), (visibilitySeconds * 1000) / 3);
    const backoff = new Backoff(200, 5000);
    try {
      while (!signal.aborted) {
        if (this.#inHand.size > FEW) {
          await this.#room(signal);
          continue;
        }
        try {
          const max = MOST - this.#inHand.size;
          const messages = await queue.receive({ max, waitSeconds: pollSeconds, signal });
          if (backoff.failing) log.info('queue-back');
          backoff.reset();
          for (const message of messages) this.#take(message, signal);
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

  #take(message: Message, signal: AbortSignal): void {
    this.#idleSince = null;
    const work = this.#options
      .handle(message, signal)
      .catch(error =>
        this.#options.log.error('message-error', { message: message.id, error: messageOf(error) }),
      )
      .then(() => {
        this.#inHand.delete(message.receipt);
        this.#processed++;
        if (this.#inHand.size === 0) this.#idleSince = this.#now();
        this.#roomAgain?.();
      });
    this.#inHand.set(message.receipt, work);
  }

  #room(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const done = () => {
        if (this.#inHand.size > FEW && !signal.aborted) return;
        this.#roomAgain = undefined;
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#roomAgain = done;
      signal.addEventListener('abort', done, { once: true });
    });
  }

  async #renew(): Promise<void> {
    const { queue, visibilitySeconds, log } = this.#options;
    const renewals = [...this.#inHand.keys()].map(receipt => queue.extend(receipt, visibilitySeconds));
    for (const outcome of await Promise.allSettled(renewals))
      if (outcome.status === 'rejected') log.warn('renewal-error', { error: messageOf(outcome.reason) });
  }
}
