import { type Heartbeat, SILENT_SECONDS } from './heartbeat.ts';

/** A worker that has seen no sign of a controller for this long is on its own. */
export const ALONE_SECONDS = 120;

export interface LeavePolicy {
  readonly min: number;
  readonly idleSeconds: number;
  readonly minRuntimeSeconds: number;
}

/**
 * Whether an idle worker may leave without a grant, because nobody is there to grant it: only when it is not needed for
 * the minimum, as seen by all workers alike. Fifteen idle workers with a dead controller settle at exactly the minimum.
 *
 * @param fleet the latest heartbeats of all workers, its own included
 * @param controllerSeenAt when the controller last gave a sign of life, ms since the epoch
 * @param now ms since the epoch
 */
export function mayLeave(
  own: Heartbeat,
  fleet: readonly Heartbeat[],
  controllerSeenAt: number,
  policy: LeavePolicy,
  now: number,
): boolean {
  const seconds = (since: number) => (now - since) / 1000;
  if (seconds(controllerSeenAt) < ALONE_SECONDS) return false;
  if (own.idleSince === null || seconds(own.idleSince) < policy.idleSeconds) return false;
  if (seconds(own.startedAt) < policy.minRuntimeSeconds) return false;
  const older = (other: Heartbeat) =>
    other.startedAt < own.startedAt || (other.startedAt === own.startedAt && other.id < own.id);
  const before = fleet.filter(
    other => other.state !== 'draining' && seconds(other.at) < SILENT_SECONDS && older(other),
  );
  return before.length >= policy.min;
}
