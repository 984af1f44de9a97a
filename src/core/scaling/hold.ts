import { SHORT_BOOT_SECONDS } from './boot.ts';
import type { Wish } from './types.ts';

/** Instances are kept for what was wanted within this time, s. */
export const HOLD_SECONDS = 20;
/** Of a hold, for each second of boot beyond `SHORT_BOOT_SECONDS`. */
const SECONDS_PER_BOOT_SECOND = 4;
/** Wanted again within this time, s: it was let go too early. */
const SOON_SECONDS = 120;
/** So many instances at once are no chance. */
const SOME_INSTANCES = 3;
/** How long such an experience counts, s. */
const LEARNED_SECONDS = 1200;

/**
 * For how long instances are kept for what was wanted: `HOLD_SECONDS`, or up to the idle time where boots are long, s.
 *
 * @param boot mean boot time, s
 */
export function holdSeconds(boot: number, idleSeconds: number): number {
  const long = SECONDS_PER_BOOT_SECOND * (boot - SHORT_BOOT_SECONDS);
  return Math.max(HOLD_SECONDS, Math.min(idleSeconds, long));
}

export function addWish(wishes: readonly Wish[], wish: Wish, idleSeconds: number): Wish[] {
  const since = wish.at - Math.max(idleSeconds, SOON_SECONDS) * 1000;
  const kept = wishes.filter(({ at }) => at < wish.at && at > since);
  kept.push(wish);
  return kept;
}

/**
 * The times at which several instances would have been let go after `HOLD_SECONDS` and were wanted again soon.
 *
 * @param wishes with the latest one
 */
export function learnRegrets(regrets: readonly number[], wishes: readonly Wish[]): readonly number[] {
  const latest = wishes.at(-1);
  if (latest === undefined || wishes.length === 1) return regrets;
  const wanted = (seconds: number) => keepCount(wishes.slice(0, -1), seconds, latest.at);
  const again = Math.min(latest.count, wanted(SOON_SECONDS)) - wanted(HOLD_SECONDS);
  const kept = regrets.filter(at => at > latest.at - LEARNED_SECONDS * 1000);
  if (again >= SOME_INSTANCES) kept.push(latest.at);
  return kept;
}

/**
 * How many instances are kept: all that were wanted in the last so many seconds.
 *
 * @param now ms since the epoch
 */
export function keepCount(wishes: readonly Wish[], seconds: number, now: number): number {
  const since = now - seconds * 1000;
  return wishes.reduce((highest, { at, count }) => (at > since ? Math.max(highest, count) : highest), 0);
}
