import type { Depth, Instance } from '../ports.ts';
import { SILENT_SECONDS } from './heartbeat.ts';

/** The seed's parameters, under their names in the configuration. */
export interface Policy {
  readonly min: number;
  readonly max: number;
  /** Most launches in any `LAUNCH_INTERVAL_SECONDS`. */
  readonly launchBatch: number;
  readonly messagesPerInstance: number;
  readonly idleSeconds: number;
  readonly minRuntimeSeconds: number;
}

export interface ObservedInstance extends Instance {
  /** Whether it has ever sent a heartbeat. */
  readonly reported: boolean;
  /** Since when it has had nothing to do, ms since the epoch; null while busy or unknown: unknown is not idle. */
  readonly idleSince: number | null;
  /**
   * For how long the controller has watched it without a sign, ms: no new heartbeat, no change of its state. By the
   * controller's own clock alone, and time in which it could not look does not count.
   */
  readonly silentMs: number;
}

/** An instance that was launched and never said hello. */
export interface Unheard {
  readonly id: string;
  /** When it was gone or overdue, whichever came first, ms since the epoch. */
  readonly at: number;
}

export interface Snapshot {
  readonly depth: Depth;
  readonly instances: readonly ObservedInstance[];
  /** Slots that cannot be filled now, although nobody may hold them. */
  readonly closedSlots: readonly number[];
  /** Instances that are gone without ever having reported, since the last one's first hello. */
  readonly unheard: readonly Unheard[];
}

/** What to do, and why. An empty decision has no reasons. */
export interface Decision {
  readonly desired: number;
  /** Slots to start an instance in. */
  readonly launch: readonly number[];
  /** Ids of the instances to grant leave to. */
  readonly drain: readonly string[];
  /** Ids of the instances to end: they never reported, or have fallen silent since leave was granted. */
  readonly terminate: readonly string[];
  readonly reasons: readonly string[];
}

export const LAUNCH_INTERVAL_SECONDS = 5;
/** An instance that has not reported by this age never will, and one that is to leave and silent for so long hangs. */
export const HELLO_SECONDS = 600;

/**
 * The seed's rule: one instance for `messagesPerInstance` messages that are visible, in flight or delayed, from `min`
 * to `max`. What was launched counts from the launch on, so nothing is launched twice for the same messages. Leave is
 * granted from the newest down, and only to idle instances past their minimum runtime. An instance that has fallen
 * silent is no capacity, but keeps its slot: unknown is neither idle nor dead.
 *
 * @param now ms since the epoch
 */
export function decide(snapshot: Snapshot, policy: Policy, now: number): Decision {
  const { depth } = snapshot;
  const pending = depth.visible + depth.inFlight + depth.delayed;
  const wanted = Math.ceil(pending / policy.messagesPerInstance);
  const desired = Math.min(policy.max, Math.max(policy.min, wanted));
  const order = snapshot.instances
    .filter(isCapacity)
    .sort((a, b) => a.launchedAt - b.launchedAt || (a.id < b.id ? -1 : 1));
  const launch = launches(snapshot, desired - order.length, policy, now);
  const drain = drains(order, desired, policy, now);
  const terminate = snapshot.instances.filter(instance => isLost(instance, now)).map(({ id }) => id);

  const reasons: string[] = [];
  const because = `${pending} pending messages at ${policy.messagesPerInstance} an instance want ${wanted}, within ${policy.min} to ${policy.max}: ${desired}`;
  if (launch.length > 0) reasons.push(`launch ${launch.length}: ${because}, ${order.length} are there`);
  if (drain.length > 0)
    reasons.push(
      `drain ${drain.length}: ${because}, ${order.length} are there, idle ${policy.idleSeconds} s or more`,
    );
  if (terminate.length > 0)
    reasons.push(`terminate ${terminate.length}: no sign of life in ${HELLO_SECONDS} s`);
  return { desired, launch, drain, terminate, reasons };
}

/** Whether it works, or is on its way to; for all that is known. */
export function isCapacity({ state, reported, silentMs }: ObservedInstance): boolean {
  return state !== 'draining' && !(reported && silentMs >= SILENT_SECONDS * 1000);
}

/** Whether to end it: nobody comes to harm by it, and it would hold its slot for ever. */
export function isLost({ state, reported, launchedAt, silentMs }: ObservedInstance, now: number): boolean {
  if (state === 'draining') return silentMs >= HELLO_SECONDS * 1000;
  return !reported && now - launchedAt >= HELLO_SECONDS * 1000 && silentMs >= SILENT_SECONDS * 1000;
}

/** The lowest free slots, as many as are missing and the batch allows. A draining instance still holds its slot. */
function launches(
  { instances, closedSlots }: Snapshot,
  missing: number,
  policy: Policy,
  now: number,
): number[] {
  const since = now - LAUNCH_INTERVAL_SECONDS * 1000;
  const recent = instances.filter(instance => instance.launchedAt > since).length;
  const count = Math.min(missing, policy.launchBatch - recent);
  const taken = new Set([...instances.map(instance => instance.slot), ...closedSlots]);
  const free = Array.from({ length: policy.max }, (_, slot) => slot).filter(slot => !taken.has(slot));
  return free.slice(0, Math.max(0, count));
}

/** Those beyond `desired`, from the newest down to the first that may not leave yet. */
function drains(order: readonly ObservedInstance[], desired: number, policy: Policy, now: number): string[] {
  const mayLeave = (instance: ObservedInstance) =>
    instance.idleSince !== null &&
    now - instance.idleSince >= policy.idleSeconds * 1000 &&
    now - instance.launchedAt >= policy.minRuntimeSeconds * 1000;
  const leaving: string[] = [];
  for (const instance of order.slice(desired).reverse()) {
    if (!mayLeave(instance)) break;
    leaving.push(instance.id);
  }
  return leaving;
}
