import { SILENT_SECONDS } from '../heartbeat.ts';
import type { ObservedInstance } from './types.ts';

/** An instance that has not reported by this age never will, and one that is to leave and silent for so long hangs, s. */
export const HELLO_SECONDS = 600;

/** Whether it should work, and nothing has been heard of it for a minute: no capacity, and perhaps dead. */
export function isSilent({ state, reported, silentMs }: ObservedInstance): boolean {
  return state !== 'draining' && reported && silentMs >= SILENT_SECONDS * 1000;
}

/** Whether it works, or is on its way to; for all that is known. */
export function isCapacity(instance: ObservedInstance): boolean {
  return instance.state !== 'draining' && !isSilent(instance);
}

/**
 * Whether to end it: nobody comes to harm by it, and it would hold its slot for ever.
 *
 * @param patience age by which an instance has reported, or never will, s
 */
export function isLost(
  { state, reported, launchedAt, silentMs }: ObservedInstance,
  now: number,
  patience = HELLO_SECONDS,
): boolean {
  if (state === 'draining') return silentMs >= HELLO_SECONDS * 1000;
  return !reported && now - launchedAt >= patience * 1000 && silentMs >= SILENT_SECONDS * 1000;
}
