import type { Sample } from './types.ts';

const SAMPLES_MS = 80_000;
/** A count of the queue may be this old. */
const LATE_MS = 15_000;

/** The samples with a new one, without those too old for any window. */
export function addSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const kept = samples.filter(({ at }) => at < sample.at && at >= sample.at - SAMPLES_MS);
  kept.push(sample);
  return kept;
}

export interface Rates {
  /** The median of the last minute's six windows, or of those that have been seen. Messages a second, as are the others. */
  readonly lasting: number;
  /** The least of three adjacent windows: a burst, however large, is over before it fills them. */
  readonly surge: number;
  /** The same with windows that are longer, and prove more. */
  readonly sustained: number;
  /** Harmonic mean of two short windows: the first that can be seen of a surge, or of a burst. */
  readonly sudden: number;
}

/** What has arrived is what has left and what is there: the queue itself counts no arrivals. */
export function arrivalRates(samples: readonly Sample[]): Rates {
  const seen = ((samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0)) / 10_000;
  const minute = windows(samples, Math.min(6, Math.max(2, Math.floor(seen))), 10_000, arrived);
  return {
    lasting: median(minute),
    surge: Math.min(...whileGrowing(samples, 3, 2_500)),
    sustained: Math.min(...whileGrowing(samples, 3, 5_000)),
    sudden: harmonicMean(whileGrowing(samples, 2, 2_000)),
  };
}

/** Arrivals counted from some beginning. */
export function arrivedBy(samples: readonly Sample[], time: number): number {
  return mostBy(samples, time, arrived);
}

function arrived({ depth, completed }: Sample): number {
  return depth + completed;
}

/**
 * Rates of arrivals, as far as the queue's growth bears them out: up to twice that. A surge is what makes the queue
 * grow; a stale count of a queue that shrinks, put beside what has left it since, only looks like arrivals.
 */
function whileGrowing(samples: readonly Sample[], count: number, width: number): number[] {
  const growth = windows(samples, count, width, ({ depth }) => depth);
  return windows(samples, count, width, arrived).map((rate, i) => Math.min(rate, 2 * growth[i]!));
}

/** Growth a second in adjacent windows, the latest first. */
function windows(
  samples: readonly Sample[],
  count: number,
  width: number,
  value: (sample: Sample) => number,
): number[] {
  const now = samples.at(-1)?.at ?? 0;
  const edges = Array.from({ length: count + 1 }, (_, i) => mostBy(samples, now - i * width, value));
  return edges.slice(1).map((before, i) => Math.max(0, ((edges[i]! - before) / width) * 1000));
}

/**
 * The most that was counted within `LATE_MS` before a time: what one count has seen, a staler one after it does not undo.
 * What came before the first sample is not known to be new.
 *
 * @param time ms since the epoch
 */
function mostBy(samples: readonly Sample[], time: number, value: (sample: Sample) => number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = samples.length - 1; i >= 0; i--) {
    const sample = samples[i]!;
    if (sample.at <= time - LATE_MS && most > Number.NEGATIVE_INFINITY) break;
    if (sample.at <= time || i === 0) most = Math.max(most, value(sample));
  }
  return most;
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
