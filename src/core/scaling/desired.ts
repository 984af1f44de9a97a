import { remainingBoot, SHORT_BOOT_SECONDS } from './boot.ts';
import type { ObservedInstance } from './types.ts';

/** Instances beyond the mean load, in square roots of it: square-root staffing, after Halfin and Whitt (1981). */
const RESERVE = 0.5;
/** The reserve grows with the boot time beyond `SHORT_BOOT_SECONDS`, up to so many times. */
const MOST_RESERVES = 2;
/** Less than this much of a message is none. */
const NOTHING = 0.5;

/**
 * Messages that the instances there are will have left when one launched now could begin: today's backlog and what
 * arrives in a boot time, less what they do in it. This is Smith's predictor for a queue with a delay.
 *
 * @param expected messages there are and messages that arrive in a boot time
 * @param service seconds of work in a message
 * @param boot mean boot time, s
 * @param now ms since the epoch
 */
export function residual(
  expected: number,
  live: readonly ObservedInstance[],
  service: number,
  boot: number,
  boots: readonly number[],
  now: number,
): number {
  let work = 0;
  for (const { reported, launchedAt } of live) {
    const wait = reported ? 0 : remainingBoot(boots, (now - launchedAt) / 1000);
    work += Math.max(0, boot - wait);
  }
  return Math.max(0, expected - work / service);
}

/** Instances for so many messages. */
export function forMessages(messages: number, messagesPerInstance: number): number {
  return messages > NOTHING ? Math.ceil(messages / messagesPerInstance) : 0;
}

/**
 * Instances for a lasting rate of arrivals.
 *
 * @param rate messages a second
 * @param boot mean boot time, s
 */
export function forRate(rate: number, service: number, boot: number): number {
  const load = rate * service;
  const reserve = RESERVE * Math.min(MOST_RESERVES, Math.max(1, boot / SHORT_BOOT_SECONDS));
  return Math.ceil(load + reserve * Math.sqrt(load));
}
