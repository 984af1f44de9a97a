import { isToBeTold } from '../core/accepted.ts';
import type { AcceptedCount } from '../core/scaling/types.ts';

/** Until what is written can be read, s. */
const WRITING_SECONDS = 0.3;
/** A controller that first looks within this time knows that the count began with 0, s. */
const YOUNG_SECONDS = 60;

/** A web server that tells how many messages it has sent. Times in seconds. */
export class Teller {
  readonly #told: { readonly at: number; readonly count: number }[] = [{ at: 0, count: 0 }];

  /** To be called with each message and each `TELL_SECONDS`. */
  look(now: number, sent: number): void {
    const last = this.#told.at(-1)!;
    if (isToBeTold(sent - last.count, now - last.at)) this.#told.push({ at: now, count: sent });
  }

  seen(now: number): AcceptedCount {
    const count = this.#told.findLast(({ at }) => at + WRITING_SECONDS <= now)?.count ?? 0;
    return { count, since: now < YOUNG_SECONDS ? 0 : null, basis: 0 };
  }
}
