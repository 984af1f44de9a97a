import { areTold, arrivals, type Count, mostBy } from './arrivals.ts';
import type { Sample } from './types.ts';

/** The lasting rate is told from windows of this length; from shorter ones at the beginning, once this much was seen. */
const WINDOW_MS = 10_000;
const SHORTEST_MS = 4_500;

export interface Rates {
  /**
   * The median of the last minute's six windows, or of those that have been seen; in the first seconds the least of three.
   * Messages a second, as are the others.
   */
  readonly lasting: number;
  /** The least of three adjacent windows: a burst, however large, is over before it fills them. */
  readonly surge: number;
  /** The same with windows that are longer, and prove more. */
  readonly sustained: number;
  /** Harmonic mean of two short windows: the first that can be seen of a surge, or of a burst. */
  readonly sudden: number;
}

/** Rates of arrivals, as far as they are told or can be estimated. */
export function arrivalRates(samples: readonly Sample[]): Rates {
  const count = arrivals(samples);
  const now = samples.at(-1)?.at ?? 0;
  const seenMs = now - (samples[0]?.at ?? now);
  const surging = areTold(samples) ? windows : growing(samples);
  return {
    lasting: lasting(count, now, seenMs),
    surge: Math.min(...surging(count, now, 3, 2_500)),
    sustained: Math.min(...surging(count, now, 3, 5_000)),
    sudden: harmonicMean(surging(count, now, 2, 2_000)),
  };
}

function lasting(count: Count, now: number, seenMs: number): number {
  const whole = Math.floor(seenMs / WINDOW_MS);
  if (whole >= 2) return median(windows(count, now, Math.min(6, whole), WINDOW_MS));
  return seenMs < SHORTEST_MS ? 0 : Math.min(...windows(count, now, 3, seenMs / 3));
}

/**
 * Rates of arrivals, as far as the queue's growth bears them out: up to twice that. A surge is what makes the queue
 * grow; a stale count of a queue that shrinks, put beside what has left it since, only looks like arrivals.
 */
function growing(samples: readonly Sample[]): typeof windows {
  const depth: Count = time => mostBy(samples, time, sample => sample.depth);
  return (count, now, many, width) => {
    const growth = windows(depth, now, many, width);
    return windows(count, now, many, width).map((rate, i) => Math.min(rate, 2 * growth[i]!));
  };
}

/** Growth a second in adjacent windows of so many ms, the latest first. */
function windows(count: Count, now: number, many: number, width: number): number[] {
  const edges = Array.from({ length: many + 1 }, (_, i) => count(now - i * width));
  return edges.slice(1).map((before, i) => Math.max(0, ((edges[i]! - before) / width) * 1000));
}

/** Of two, the lower: two windows do not tell a burst from the rule. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  if (sorted.length === 2) return sorted[0]!;
  return (sorted[(values.length - 1) >> 1]! + sorted[values.length >> 1]!) / 2;
}

/** 0 as soon as one of them is. */
function harmonicMean(values: readonly number[]): number {
  return values.length / values.reduce((sum, value) => sum + 1 / value, 0);
}
