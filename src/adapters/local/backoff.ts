import { Backoff as Pauses } from '../../runtime/backoff.ts';

/** A worker that ends sooner than this after its start has not worked, ms. */
const earlyMs = 5_000;

/** Holds launches back while workers die right after their start: 1 s, then twice as long each time, up to 30 s. */
export class Backoff {
  readonly #pauses = new Pauses(1_000, 30_000);
  #until = Number.NEGATIVE_INFINITY;

  /** A worker has ended at `now` at the age of `ageMs`; how long to wait now, 0 when it had lived long enough. */
  died(ageMs: number, now: number): number {
    if (ageMs >= earlyMs) {
      this.#pauses.reset();
      return 0;
    }
    // Several that were launched together and die together are one failure.
    if (now < this.#until) return this.#until - now;
    this.#until = now + this.#pauses.next();
    return this.#until - now;
  }

  /** ms until the next launch is allowed. */
  remaining(now: number): number {
    return Math.max(0, this.#until - now);
  }
}
