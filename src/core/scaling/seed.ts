import { learnBoots, meanBoot, minRuntime } from './boot.ts';
import { HELLO_SECONDS, isCapacity, isLost } from './condition.ts';
import type { Decide } from './decide.ts';
import { launches } from './launches.ts';
import { byAge } from './order.ts';
import { learnService, UNKNOWN_SERVICE_SECONDS } from './service.ts';
import type { Decision, ObservedInstance, Policy, Snapshot } from './types.ts';

export type PlainPolicy = Policy & { readonly minRuntimeSeconds: number };

/** The seed's plain rule: it forecasts nothing, and remembers boots only for `auto` as the minimum runtime. */
export const decideSeed: Decide = (snapshot, memory, policy, now) => {
  const boots = learnBoots(memory, snapshot.instances);
  const learned = { boots, ...learnService(memory, snapshot.instances) };
  const boot = meanBoot(boots);
  const minRuntimeSeconds = minRuntime(policy.minRuntimeSeconds, boot);
  const backlog = pending(snapshot);
  return {
    ...plainRule(snapshot, { ...policy, minRuntimeSeconds }, now),
    figures: {
      ...{ backlog, rate: 0, arriving: 0, boot, residual: backlog, inWaves: false, minRuntimeSeconds },
      service: learned.service ?? UNKNOWN_SERVICE_SECONDS,
      live: snapshot.instances.filter(isCapacity).length,
    },
    memory: { ...memory, ...learned, since: memory.since ?? now },
  };
};

/**
 * One instance for `messagesPerInstance` messages that are visible, in flight or delayed, from `min` to `max`. What was
 * launched counts from the launch on, so nothing is launched twice for the same messages. Leave is granted from the
 * newest down, and only to idle instances past their minimum runtime. An instance that has fallen silent is no capacity,
 * but keeps its slot: unknown is neither idle nor dead.
 *
 * @param now ms since the epoch, by the fleet's clock
 */
export function plainRule(snapshot: Snapshot, policy: PlainPolicy, now: number): Decision {
  const backlog = pending(snapshot);
  const wanted = Math.ceil(backlog / policy.messagesPerInstance);
  const desired = Math.min(policy.max, Math.max(policy.min, wanted));
  const order = byAge(snapshot.instances.filter(isCapacity));
  const launch = launches(snapshot, desired - order.length, policy, now);
  const drain = idleDrains(order, desired, policy, now);
  const terminate = snapshot.instances.filter(instance => isLost(instance, now)).map(({ id }) => id);

  const reasons: string[] = [];
  const because = `${backlog} pending messages at ${policy.messagesPerInstance} an instance want ${wanted}, within ${policy.min} to ${policy.max}: ${desired}`;
  if (launch.length > 0) reasons.push(`launch ${launch.length}: ${because}, ${order.length} are there`);
  if (drain.length > 0)
    reasons.push(
      `drain ${drain.length}: ${because}, ${order.length} are there, idle ${policy.idleSeconds} s or more`,
    );
  if (terminate.length > 0)
    reasons.push(`terminate ${terminate.length}: no sign of life in ${HELLO_SECONDS} s`);
  return { desired, launch, drain, terminate, reasons };
}

function pending({ depth }: Snapshot): number {
  return depth.visible + depth.inFlight + depth.delayed;
}

/** Those beyond `desired`, from the newest down to the first that may not leave yet. */
function idleDrains(
  order: readonly ObservedInstance[],
  desired: number,
  policy: PlainPolicy,
  now: number,
): string[] {
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
