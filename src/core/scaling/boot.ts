import type { Memory, ObservedWorker } from './types.ts';

const REMEMBERED_BOOTS = 20;
/** Taken for the boot time while none has been seen, s. */
const UNKNOWN_BOOT_SECONDS = 45;
/** No instance is overdue before this age times a factor below, however fast the others were, s. */
const LEAST_LONGEST_SECONDS = 60;
/** An instance that has not reported by this age never will, s. */
export const HELLO_SECONDS = 600;
const SUSPECT = 1.25;
const ZOMBIE = 2;
/** What an instance still needs that should have been there long ago, s. */
const LEAST_REMAINING_SECONDS = 2;

/** Boot times seen until now, and how many instances in a row have been given up. */
export function learnBoots(
  memory: Pick<Memory, 'boots' | 'counted' | 'givenUp'>,
  workers: readonly ObservedWorker[],
): Pick<Memory, 'boots' | 'givenUp'> {
  const fresh = workers
    .flatMap(({ id, launchedAt, startedAt }) =>
      startedAt === null || memory.counted.has(id)
        ? []
        : [{ startedAt, seconds: (startedAt - launchedAt) / 1000 }],
    )
    .filter(({ seconds }) => seconds >= 0 && seconds <= HELLO_SECONDS)
    .sort((a, b) => a.startedAt - b.startedAt)
    .map(({ seconds }) => seconds);
  if (fresh.length === 0) return { boots: memory.boots, givenUp: memory.givenUp };
  return { boots: [...memory.boots, ...fresh].slice(-REMEMBERED_BOOTS), givenUp: 0 };
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

export type Hope = 'fine' | 'suspect' | 'zombie';

/**
 * What to expect of an instance that has not reported: after 1.25 times the longest of the recent boots it is no
 * capacity, after twice that time it is given up. Where nothing is known, `HELLO_SECONDS` are waited. Each instance that
 * was given up without another's hello in between doubles the patience: perhaps boots have become longer.
 */
export function hope(memory: Pick<Memory, 'boots' | 'givenUp'>, age: number): Hope {
  const longest = Math.max(LEAST_LONGEST_SECONDS, ...memory.boots) * 2 ** memory.givenUp;
  const patience = memory.boots.length === 0 ? HELLO_SECONDS : Math.min(HELLO_SECONDS, ZOMBIE * longest);
  if (age >= patience) return 'zombie';
  return age >= (patience * SUSPECT) / ZOMBIE ? 'suspect' : 'fine';
}

/** @param policy seconds, or `auto` */
export function minRuntime(policy: number | 'auto', boot: number): number {
  return policy === 'auto' ? Math.min(300, Math.max(60, 3 * boot)) : policy;
}
