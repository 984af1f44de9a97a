import { HELLO_SECONDS } from './condition.ts';
import type { Memory, ObservedInstance } from './types.ts';

const REMEMBERED_BOOTS = 20;
/** Beyond this boot time more is kept, and for longer: what is missing is missed for longer, s. */
export const SHORT_BOOT_SECONDS = 40;
/** Taken for the boot time while none has been seen, s. */
const UNKNOWN_BOOT_SECONDS = 45;
/** No instance is overdue before this age times a factor below, however fast the others were, s. */
const LEAST_LONGEST_SECONDS = 60;
const SUSPECT = 1.25;
const ZOMBIE = 2;
/** What an instance still needs that should have been there long ago, s. */
const LEAST_REMAINING_SECONDS = 2;

/** Boot times seen until now, s. */
export function learnBoots(
  memory: Pick<Memory, 'boots' | 'counted'>,
  workers: readonly ObservedInstance[],
): readonly number[] {
  const fresh = workers
    .flatMap(({ id, launchedAt, startedAt }) =>
      startedAt === null || memory.counted.has(id)
        ? []
        : [{ startedAt, seconds: (startedAt - launchedAt) / 1000 }],
    )
    .filter(({ seconds }) => seconds >= 0 && seconds <= HELLO_SECONDS)
    .sort((a, b) => a.startedAt - b.startedAt)
    .map(({ seconds }) => seconds);
  return fresh.length === 0 ? memory.boots : [...memory.boots, ...fresh].slice(-REMEMBERED_BOOTS);
}

/** Mean seconds from launch to the first message. */
export function meanBoot(boots: readonly number[]): number {
  if (boots.length === 0) return UNKNOWN_BOOT_SECONDS;
  return boots.reduce((sum, seconds) => sum + seconds, 0) / boots.length;
}

/** Seconds that an instance of this age will still boot: the mean of the known boots that took longer, less its age. */
export function remainingBoot(boots: readonly number[], age: number): number {
  const longer = boots.filter(seconds => seconds > age);
  const whole =
    longer.length > 0 ? meanBoot(longer) : boots.length > 0 ? Math.max(...boots) : UNKNOWN_BOOT_SECONDS;
  return Math.max(LEAST_REMAINING_SECONDS, whole - age);
}

/** Ages of an instance that has not reported, s. */
export interface Patience {
  /** From here on it is no capacity. */
  readonly suspect: number;
  /** From here on it is given up. */
  readonly lost: number;
}

/**
 * How long to wait for an instance's hello: after 1.25 times the longest of the recent boots it is no capacity, after
 * twice that time it is given up. Where nothing is known, `HELLO_SECONDS` are waited. Each instance that was never heard
 * of, without another's hello in between, doubles the patience: perhaps boots have become longer.
 *
 * @param unheard how many those are
 */
export function patienceOf(boots: readonly number[], unheard: number): Patience {
  if (boots.length === 0) return { suspect: HELLO_SECONDS, lost: HELLO_SECONDS };
  const longest = Math.max(LEAST_LONGEST_SECONDS, ...boots) * 2 ** unheard;
  const lost = Math.min(HELLO_SECONDS, ZOMBIE * longest);
  return { suspect: (lost * SUSPECT) / ZOMBIE, lost };
}

/** @param policy seconds, or `auto` */
export function minRuntime(policy: number | 'auto', boot: number): number {
  return policy === 'auto' ? Math.min(300, Math.max(60, 2 * boot)) : policy;
}
