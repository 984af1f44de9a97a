import type { Policy, Snapshot } from './types.ts';

/** Time in which at most one batch is launched, s: EC2 allows five RunInstances at once, and two more each second. */
export const LAUNCH_INTERVAL_SECONDS = 3;

/**
 * The lowest free slots, as many as are missing and the batch allows. Whatever is not known to be gone holds its slot,
 * so that the same view gives the same slots, and never more than `max` instances.
 *
 * @param missing instances
 * @param now ms since the epoch
 */
export function launches(
  { instances, closedSlots }: Pick<Snapshot, 'instances' | 'closedSlots'>,
  missing: number,
  { max, launchBatch }: Pick<Policy, 'max' | 'launchBatch'>,
  now: number,
): number[] {
  const since = now - LAUNCH_INTERVAL_SECONDS * 1000;
  const recent = instances.filter(({ launchedAt }) => launchedAt > since).length;
  const count = Math.min(missing, launchBatch - recent, max - instances.length);
  if (count <= 0) return [];
  const held = new Set([...instances.map(({ slot }) => slot), ...closedSlots]);
  const free = Array.from({ length: max }, (_, slot) => slot).filter(slot => !held.has(slot));
  return free.slice(0, count);
}
