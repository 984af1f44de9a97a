import type { LaunchReply } from './launchReply.ts';
import { ABSENT_MS } from './slots.ts';
import type { LaunchMark } from './token.ts';

/** How far the launch of a slot has come. */
export interface Attempt extends LaunchMark {
  /** When a reply for this token was last lost, ms of a monotonic clock; undefined when none was. */
  readonly lostAt?: number;
}

/** Why launching rests, in all slots. */
export type Rest = 'no-capacity' | 'throttled' | 'lost' | 'refused';

export type Step =
  | { readonly next: 'done' }
  /** Ask again now, with another token. */
  | { readonly next: 'ask'; readonly attempt: Attempt }
  | { readonly next: 'rest'; readonly why: Rest; readonly attempt: Attempt }
  /** The slot's token belongs to a controller with other settings. */
  | { readonly next: 'leave-slot'; readonly attempt: Attempt };

export interface Circumstances {
  /** How many placements there are. */
  readonly placements: number;
  /**
   * Whether no other controller has launched anything for `ABSENT_MS`. Only then may a token be left before EC2 has
   * said that its instance has ended: another controller might still get it.
   */
  readonly alone: boolean;
  /** ms of the same clock. */
  readonly now: number;
}

/**
 * What to do after a reply. There are never two tokens of a slot under which an instance may be living:
 *
 * - The next generation is asked for only when EC2 says that this one is over.
 * - The next placement is asked for only when this one was refused for certain, and by the only controller there is. A
 *   second controller could get the first placement a moment later, and tokens cannot prevent it: EC2 counts them by
 *   availability zone, and two placements mean two tokens.
 * - A lost reply keeps its token. For `ABSENT_MS` not even a refusal is certain, as the lost request may come late.
 */
export function nextStep(attempt: Attempt, reply: LaunchReply<unknown>, circumstances: Circumstances): Step {
  const { placements, alone, now } = circumstances;
  const { epoch, generation, placement, lostAt } = attempt;
  const next = { epoch, generation: generation + 1, placement: 0 };
  switch (reply.kind) {
    case 'launched':
      return { next: 'done' };
    case 'over':
      return { next: 'ask', attempt: next };
    case 'no-capacity': {
      const certain = lostAt === undefined || now - lostAt > ABSENT_MS;
      if (!certain || !alone) return { next: 'rest', why: 'no-capacity', attempt };
      if (placement + 1 < placements)
        return { next: 'ask', attempt: { epoch, generation, placement: placement + 1 } };
      return { next: 'rest', why: 'no-capacity', attempt: { epoch, generation, placement: 0 } };
    }
    case 'mismatch':
      // Whatever it was used for is older than `ABSENT_MS`, hence seen, hence ended: the slot is free.
      return alone ? { next: 'ask', attempt: next } : { next: 'leave-slot', attempt };
    case 'lost':
      return { next: 'rest', why: 'lost', attempt: { ...attempt, lostAt: now } };
    case 'throttled':
      return { next: 'rest', why: 'throttled', attempt };
    case 'refused':
      return { next: 'rest', why: 'refused', attempt };
  }
}
