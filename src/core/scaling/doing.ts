import type { Decision } from './types.ts';

/**
 * What a decision does, as a text to compare: one that comes again each second, though its figures change, is one
 * decision. Empty when it does nothing.
 */
export function doing({ launch, drain, terminate, reasons }: Decision): string {
  return reasons.length === 0 ? '' : JSON.stringify([launch, drain, terminate, reasons.length]);
}
