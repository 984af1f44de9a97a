import { Backoff } from '../../runtime/backoff.ts';
import type { Rest } from './launchStep.ts';

/** Nothing but an operator helps: no need to ask often, ms. */
const REFUSED_MS = 600_000;

/**
 * How long launching rests after what went wrong: growing for what passes, long for what needs an operator. Its times are
 * ms of a monotonic clock.
 */
export class Rests {
  readonly #random: () => number;
  readonly #growing = {
    'no-capacity': new Backoff(5_000, 60_000),
    throttled: new Backoff(1_000, 30_000),
    lost: new Backoff(1_000, 30_000),
  };
  #until = Number.NEGATIVE_INFINITY;

  /** @param random 0 to 1; spreads the retries of several controllers */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** ms until launching may go on. */
  remaining(now: number): number {
    return Math.max(0, this.#until - now);
  }

  /** Begins a rest and tells its length, ms. Launches that fail side by side are one failure. */
  begin(why: Rest, now: number): number {
    if (this.remaining(now) > 0 && why !== 'refused') return this.remaining(now);
    this.#until = Math.max(this.#until, now + this.#length(why));
    return this.#until - now;
  }

  /** Something was launched. While resting, that was asked for beside what failed, and proves nothing. */
  launched(now: number): void {
    if (this.remaining(now) > 0) return;
    for (const backoff of Object.values(this.#growing)) backoff.reset();
  }

  #length(why: Rest): number {
    switch (why) {
      case 'no-capacity':
        return this.#growing[why].next();
      case 'throttled':
      case 'lost':
        return this.#growing[why].next() * (0.5 + this.#random());
      case 'refused':
        return REFUSED_MS;
    }
  }
}
