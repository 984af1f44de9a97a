import type { Decision, Policy, Snapshot } from './types.ts';

/** Launching rests, because what is launched does not work. */
export interface Hold {
  /** Ids of all that never reported since the last first hello. */
  readonly silent: readonly string[];
  /** When one more may be tried, ms since the epoch, by the fleet's clock like all times here. */
  readonly until: number;
}

/** So many in a row, or a whole batch, are no accident. */
const FEWEST = 3;
const FIRST_PAUSE_MS = 600_000;
const LONGEST_PAUSE_MS = 3_600_000;

/**
 * Whether launching should rest: a whole batch in a row has never reported, so that the next one will hardly do. The
 * pause begins at 10 minutes and doubles with each try that was not heard of either, up to an hour; a first hello ends
 * it, as it empties `unheard`.
 */
export function launchHold(
  { unheard }: Pick<Snapshot, 'unheard'>,
  { launchBatch }: Pick<Policy, 'launchBatch'>,
): Hold | undefined {
  const failures = unheard.toSorted((a, b) => a.at - b.at);
  const enough = Math.max(FEWEST, launchBatch);
  let pauseMs = 0;
  let until = Number.NEGATIVE_INFINITY;
  for (const { at } of failures.slice(enough - 1)) {
    // Stragglers of the same launches are no new failure.
    if (at < until) continue;
    pauseMs = pauseMs === 0 ? FIRST_PAUSE_MS : Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
    until = at + pauseMs;
  }
  return pauseMs === 0 ? undefined : { silent: failures.map(({ id }) => id), until };
}

/** The decision with its launches held back: none before the hold's end, then one at a time. */
export function holdBack<D extends Decision>(
  decision: D,
  { instances }: Snapshot,
  { silent, until }: Hold,
  now: number,
): D {
  const { launch, reasons } = decision;
  if (launch.length === 0) return decision;
  const trying = instances.some(({ reported, state }) => !reported && state !== 'draining');
  const tried = now < until || trying ? [] : launch.slice(0, 1);
  const next = now < until ? `next try at ${new Date(until).toISOString()}` : 'one is tried';
  const why = `hold back ${launch.length - tried.length}: the last ${silent.length} never reported, ${next}`;
  return { ...decision, launch: tried, reasons: [...reasons, why] };
}
