import { messageOf } from '../core/errors.ts';
import { FIRST_WORK_SECONDS, type Heartbeat, heartbeatKey, isToBeat } from '../core/heartbeat.ts';
import { jsonBytes } from '../core/json.ts';
import type { Blobs, Log } from '../ports.ts';
import { every } from '../runtime/time.ts';

export interface HeartbeatOptions {
  readonly output: Blobs;
  /** The fleet's name. */
  readonly fleet: string;
  readonly log: Log;
  readonly state: () => Heartbeat;
}

/**
 * Says hello, then tells its state every `HEARTBEAT_SECONDS`, of its first work sooner, and at once when the drain begins;
 * when all work is done (`ended`), says goodbye.
 */
export async function beat(
  { output, fleet, log, state }: HeartbeatOptions,
  draining: AbortSignal,
  ended: AbortSignal,
): Promise<void> {
  let told = 0;
  const tell = async () => {
    const heartbeat = state();
    told = heartbeat.processed;
    try {
      const body = jsonBytes(heartbeat);
      await output.put(heartbeatKey(fleet, heartbeat.id), body, { contentType: 'application/json' });
    } catch (error) {
      log.warn('heartbeat-error', { error: messageOf(error) });
    }
  };
  const telling = () => {
    let look = 0;
    return async () => {
      if (isToBeat(look++, state().processed, told)) await tell();
    };
  };
  await every(FIRST_WORK_SECONDS * 1000, draining, telling());
  await every(FIRST_WORK_SECONDS * 1000, ended, telling());
  await output
    .delete(heartbeatKey(fleet, state().id))
    .catch(error => log.warn('goodbye-error', { error: messageOf(error) }));
}
