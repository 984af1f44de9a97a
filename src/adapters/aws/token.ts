import { createHash } from 'node:crypto';

/**
 * Which launch of a slot something is. A slot's launches in one epoch are numbered by generation: the next one begins
 * when EC2 has said that the last one's instance is terminated. A placement is one of the ways to place it.
 */
export interface LaunchMark {
  readonly epoch: number;
  readonly generation: number;
  readonly placement: number;
}

/**
 * The client token of a launch, 48 hexadecimal digits. EC2 remembers a token for at least 24 hours after its instance
 * has ended, much longer than it lists that instance (about an hour), and answers at once and consistently whether the
 * token has been used. So the tokens, and no controller's view, say how far a slot has come: every controller asks for
 * generation 0, 1, 2 … until one is not over, and all arrive at the same instance.
 */
export function clientToken(fleet: string, slot: number, mark: LaunchMark): string {
  const parts = [fleet, slot, mark.epoch, mark.generation, mark.placement];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 48);
}

export interface EpochRule {
  /** Less than the 24 hours for which EC2 remembers the tokens of instances that have ended, ms. */
  readonly periodMs: number;
  /**
   * No launch this long before and after the turn of an epoch, ms: an instance of the old epoch is seen by everybody
   * before anybody launches in the new one. Covers Describe's lag and the age of a view; the clock is EC2's own.
   */
  readonly guardMs: number;
}

export const epochRule: EpochRule = { periodMs: 43_200_000, guardMs: 60_000 };

/** How far apart the slots' epochs turn, in guards: never two of a fleet's slots (up to 180) at the same time. */
const STAGGER = 4;

/**
 * The epoch in which a slot's tokens are counted from 0 again, as EC2 does not remember them for ever; undefined near
 * its turn, when no token is safe to use.
 *
 * @param now ms since the epoch of Unix, by EC2's clock: machines differ, and would be in two epochs at a time
 */
export function epochOf(
  slot: number,
  now: number,
  { periodMs, guardMs }: EpochRule = epochRule,
): number | undefined {
  const shifted = now + slot * STAGGER * guardMs;
  const into = shifted % periodMs;
  if (into < guardMs || into >= periodMs - guardMs) return undefined;
  return Math.floor(shifted / periodMs);
}

export function formatMark({ epoch, generation, placement }: LaunchMark): string {
  return `${epoch}.${generation}.${placement}`;
}

export function parseMark(text: string | undefined): LaunchMark | undefined {
  const match = /^(\d{1,9})\.(\d{1,9})\.(\d{1,4})$/.exec(text ?? '');
  if (match === null) return undefined;
  const [epoch, generation, placement] = match.slice(1).map(Number);
  return { epoch: epoch!, generation: generation!, placement: placement! };
}
