import type { Depth, Instance } from '../ports.ts';

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
}

export interface Snapshot {
  readonly depth: Depth;
  readonly instances: readonly ObservedInstance[];
}

/** What to do, and why. An empty decision has no reasons. */
export interface Decision {
  readonly desired: number;
  /** Slots to start an instance in. */
  readonly launch: readonly number[];
  /** Ids of the instances to grant leave to. */
  readonly drain: readonly string[];
  /** Ids of the instances to end because they never reported. */
  readonly terminate: readonly string[];
  readonly reasons: readonly string[];
}

export const LAUNCH_INTERVAL_SECONDS = 5;
/** An instance that has not reported by this age never will. */
export const HELLO_SECONDS = 600;

/**
 * The seed's rule: one instance for `messagesPerInstance` messages that are visible, in flight or delayed, from `min`
 * to `max`. What was launched counts from the launch on, so nothing is launched twice for the same messages. Leave is
 * granted from the newest down, and only to idle instances past their minimum runtime.
 *
 * @param now ms since the epoch
 */
export function decide(snapshot: Snapshot, policy: Policy, now: number): Decision {
  const { depth } = snapshot;
  const pending = depth.visible + depth.inFlight + depth.delayed;
  const wanted = Math.ceil(pending / policy.messagesPerInstance);
  const desired = Math.min(policy.max, Math.max(policy.min, wanted));
  const order = snapshot.instances
    .filter(instance => instance.state !== 'draining')
    .sort((a, b) => a.launchedAt - b.launchedAt || (a.id < b.id ? -1 : 1));
  const launch = launches(snapshot.instances, desired - order.length, policy, now);
  const drain = drains(order, desired, policy, now);
  const terminate = order
    .filter(i => !i.reported && now - i.launchedAt >= HELLO_SECONDS * 1000)
    .map(i => i.id);

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

/** The lowest free slots, as many as are missing and the batch allows. A draining instance still holds its slot. */
function launches(instances: readonly Instance[], missing: number, policy: Policy, now: number): number[] {
  const since = now - LAUNCH_INTERVAL_SECONDS * 1000;
  const recent = instances.filter(instance => instance.launchedAt > since).length;
  const count = Math.min(missing, policy.launchBatch - recent);
  const held = new Set(instances.map(instance => instance.slot));
  const free = Array.from({ length: policy.max }, (_, slot) => slot).filter(slot => !held.has(slot));
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
