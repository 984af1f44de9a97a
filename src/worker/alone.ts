import { messageOf } from '../core/errors.ts';
import { HEARTBEAT_SECONDS, type Heartbeat, heartbeatsOf, parseHeartbeat } from '../core/heartbeat.ts';
import { leaseKey } from '../core/lease.ts';
import { ALONE_SECONDS, type LeavePolicy, mayLeave } from '../core/leave.ts';
import type { Blobs, Log } from '../ports.ts';
import { every } from '../runtime/time.ts';

export interface AloneOptions {
  readonly output: Blobs;
  /** The fleet's name. */
  readonly fleet: string;
  readonly state: () => Heartbeat;
  readonly policy: () => LeavePolicy;
  readonly log: Log;
  readonly leave: (reason: string) => void;
  readonly now?: () => number;
}

/** Leaves without a grant when nobody is there to give one, by the rule of `mayLeave`, until the signal aborts. */
export async function watchAlone(options: AloneOptions, signal: AbortSignal): Promise<void> {
  const { output, fleet, state, policy, log, leave, now = Date.now } = options;
  let sign: string | undefined;
  let seenAt = now();
  await every(HEARTBEAT_SECONDS * 1000, signal, async () => {
    const own = state();
    // A busy worker does not leave, so it need not look.
    if (own.idleSince === null) {
      seenAt = now();
      return;
    }
    try {
      const latest = (await output.get(leaseKey(fleet)))?.etag;
      if (latest !== sign) seenAt = now();
      sign = latest;
      if (now() - seenAt < ALONE_SECONDS * 1000) return;
      const all = await heartbeats(output, fleet);
      if (mayLeave(own, all, seenAt, policy(), now())) leave('idle, and no sign of a controller');
    } catch (error) {
      log.warn('fleet-unseen', { error: messageOf(error) });
    }
  });
}

async function heartbeats(output: Blobs, fleet: string): Promise<Heartbeat[]> {
  const listed = await output.list(heartbeatsOf(fleet));
  const stored = await Promise.all(listed.map(({ key }) => output.get(key)));
  return stored.flatMap(blob => (blob && parseHeartbeat(blob.body)) ?? []);
}
