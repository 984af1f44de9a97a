import type { Wish } from './types.ts';

/** Instances are kept for what was wanted within this time, s. */
export const HOLD_SECONDS = 20;
/** Wanted again within this time, s, or so many boot times: it was let go too early. */
const SOON_SECONDS = 120;
const SOON_BOOTS = 2.5;
/** So many instances at once are no chance. */
const SOME_INSTANCES = 3;
/** How long such an experience counts, s. */
const LEARNED_SECONDS = 600;

/** @param boot mean boot time, s */
export function addWish(wishes: readonly Wish[], wish: Wish, idleSeconds: number, boot: number): Wish[] {
  const since = wish.at - Math.max(idleSeconds, soon(boot)) * 1000;
  const kept = wishes.filter(({ at }) => at < wish.at && at > since);
  kept.push(wish);
  return kept;
}

function soon(boot: number): number {
  return Math.max(SOON_SECONDS, SOON_BOOTS * boot);
}

/**
 * The times at which several instances would have been let go and were wanted again soon.
 *
 * @param wishes with the latest one
 * @param boot mean boot time, s: the longer it is, the longer an instance is worth keeping
 */
export function learnRegrets(
  regrets: readonly number[],
  wishes: readonly Wish[],
  boot: number,
): readonly number[] {
  const latest = wishes.at(-1);
  if (latest === undefined || wishes.length === 1) return regrets;
  const wanted = (seconds: number) => most(wishes.slice(0, -1), latest.at - seconds * 1000, total);
  const again = Math.min(total(latest), wanted(soon(boot))) - wanted(HOLD_SECONDS);
  const kept = regrets.filter(at => at > latest.at - LEARNED_SECONDS * 1000);
  if (again >= SOME_INSTANCES) kept.push(latest.at);
  return kept;
}

/**
 * How many instances are kept: all that were wanted in the last `HOLD_SECONDS` or, where waves of work come back soon, all
 * that a backlog wanted within the idle time.
 */
export function keepCount(
  wishes: readonly Wish[],
  regrets: readonly number[],
  idleSeconds: number,
  now: number,
): number {
  const since = now - HOLD_SECONDS * 1000;
  const long = regrets.length > 0 ? now - Math.max(idleSeconds, HOLD_SECONDS) * 1000 : since;
  return Math.max(
    most(wishes, since, ({ forRate }) => forRate),
    most(wishes, long, ({ forBacklog }) => forBacklog),
  );
}

function total({ forBacklog, forRate }: Wish): number {
  return Math.max(forBacklog, forRate);
}

function most(wishes: readonly Wish[], since: number, value: (wish: Wish) => number): number {
  return wishes.reduce((highest, wish) => (wish.at > since ? Math.max(highest, value(wish)) : highest), 0);
}
