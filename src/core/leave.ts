import { type Heartbeat, SILENT_SECONDS } from './heartbeat.ts';

/** A worker that has seen no sign of a controller for this long is on its own. */
export const ALONE_SECONDS = 120;

export interface LeavePolicy {
  readonly min: number;
  readonly idleSeconds: number;
  readonly minRuntimeSeconds: number;
}

/** What a worker knows of itself and of the controller. All by its own clock: others are never compared with it. */
export interface Loneliness {
  readonly own: Heartbeat;
  /** ms since it began; `own.startedAt` only ranks it. */
  readonly ageMs: number;
  /** For how long it has had nothing to do, ms; null while busy. */
  readonly idleMs: number | null;
  /** For how long it has watched for a controller in vain, ms. */
  readonly aloneMs: number;
}

/** Another worker's heartbeat. */
export interface Peer {
  readonly heartbeat: Heartbeat;
  /** How long ago it was seen to change, ms; undefined while it has not been: it may be what a dead worker left. */
  readonly changedMs: number | undefined;
}

/**
 * Whether an idle worker may leave without a grant, because nobody is there to grant it: only when enough older ones
 * are known to live. Their order is by what each says of itself, right or wrong, and so the same for all who look:
 * fifteen idle workers with a dead controller settle at exactly the minimum.
 */
export function mayLeave(
  { own, ageMs, idleMs, aloneMs }: Loneliness,
  peers: readonly Peer[],
  policy: LeavePolicy,
): boolean {
  if (aloneMs < ALONE_SECONDS * 1000) return false;
  if (idleMs === null || idleMs < policy.idleSeconds * 1000) return false;
  if (ageMs < policy.minRuntimeSeconds * 1000) return false;
  const lives = ({ changedMs = Number.POSITIVE_INFINITY }: Peer) => changedMs < SILENT_SECONDS * 1000;
  const older = ({ startedAt, id }: Heartbeat) =>
    startedAt < own.startedAt || (startedAt === own.startedAt && id < own.id);
  const before = peers.filter(
    peer => peer.heartbeat.state !== 'draining' && older(peer.heartbeat) && lives(peer),
  );
  return before.length >= policy.min;
}
