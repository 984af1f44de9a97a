import { resultKey } from '../core/messages.ts';
import type { Result } from '../core/results.ts';
import type { Blobs } from '../ports.ts';
import { type SetTimer, setTimer, within } from '../runtime/time.ts';
import { isUnavailable } from './problem.ts';
import { resultAt } from './stored.ts';

/** The store is looked at this long after the last look, ms, and then twice as long: for completions that another web server took. */
const FIRST_POLL = 250;
const SLOWEST_POLL = 5_000;
/** A look at the store takes no longer, ms; the last one ends this long after the deadline. */
const LONGEST_LOOK = 15_000;
const LAST_LOOK = 1_000;

export interface WaitingOptions {
  readonly output: Blobs;
  /** ms since the epoch. */
  readonly now?: () => number;
  readonly setTimer?: SetTimer;
}

export interface WaitOptions {
  /** ms since the epoch; undefined waits without end. */
  readonly deadline?: number | undefined;
  /** Fires when the client has gone. */
  readonly signal?: AbortSignal;
}

/** Clients that wait for results. A completion wakes them; the output store is what they read. */
export class Waiting {
  readonly #output: Blobs;
  readonly #now: () => number;
  readonly #setTimer: SetTimer;
  /** Those who wait, by request id. */
  readonly #sleepers = new Map<string, Set<Sleeper>>();
  #closed = false;

  constructor(options: WaitingOptions) {
    this.#output = options.output;
    this.#now = options.now ?? Date.now;
    this.#setTimer = options.setTimer ?? setTimer;
  }

  /**
   * The result as soon as it is stored; undefined when the deadline has passed, the client has gone, or the server stops.
   * A store that cannot be reached is asked again; anything else it throws is thrown.
   */
  async forResult(
    request: { readonly id: string; readonly file: string },
    { deadline = Number.POSITIVE_INFINITY, signal }: WaitOptions = {},
  ): Promise<Result | undefined> {
    const sleeper = new Sleeper(this.#setTimer);
    const wake = (): void => sleeper.wake();
    // Before the first look: a completion between the look and the sleep must not be lost.
    this.#add(request.id, sleeper);
    signal?.addEventListener('abort', wake);
    try {
      for (
        let poll = FIRST_POLL;
        !this.#closed && !signal?.aborted;
        poll = Math.min(2 * poll, SLOWEST_POLL)
      ) {
        const result = await this.#look(resultKey(request), deadline - this.#now());
        const left = deadline - this.#now();
        if (result || left <= 0) return result;
        await sleeper.sleep(Math.min(poll, left));
      }
      return undefined;
    } finally {
      signal?.removeEventListener('abort', wake);
      this.#remove(request.id, sleeper);
    }
  }

  /** Wakes those who wait for this id, to look at the store. */
  completed(id: string): void {
    for (const sleeper of this.#sleepers.get(id) ?? []) sleeper.wake();
  }

  /** Sends everybody away empty-handed, now and from now on: their requests stay queued. */
  close(): void {
    this.#closed = true;
    for (const sleepers of this.#sleepers.values()) for (const sleeper of sleepers) sleeper.wake();
  }

  /** How many are waiting. */
  get size(): number {
    return [...this.#sleepers.values()].reduce((sum, sleepers) => sum + sleepers.size, 0);
  }

  async #look(key: string, left: number): Promise<Result | undefined> {
    const ms = Math.min(LONGEST_LOOK, Math.max(0, left) + LAST_LOOK);
    try {
      return await within(ms, signal => resultAt(this.#output, key, { signal }), this.#setTimer);
    } catch (error) {
      if (isUnavailable(error)) return undefined;
      throw error;
    }
  }

  #add(id: string, sleeper: Sleeper): void {
    const others = this.#sleepers.get(id);
    if (others) others.add(sleeper);
    else this.#sleepers.set(id, new Set([sleeper]));
  }

  #remove(id: string, sleeper: Sleeper): void {
    const sleepers = this.#sleepers.get(id);
    sleepers?.delete(sleeper);
    if (sleepers?.size === 0) this.#sleepers.delete(id);
  }
}

/** Sleeps once at a time; a wake-up that came while awake ends the next sleep at once. */
class Sleeper {
  readonly #setTimer: SetTimer;
  #woken = false;
  #rise: (() => void) | undefined;

  constructor(timer: SetTimer) {
    this.#setTimer = timer;
  }

  wake(): void {
    this.#woken = true;
    this.#rise?.();
  }

  async sleep(ms: number): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>(resolve => {
        const cancel = this.#setTimer(resolve, ms);
        this.#rise = () => {
          cancel();
          resolve();
        };
      });
      this.#rise = undefined;
    }
    this.#woken = false;
  }
}
