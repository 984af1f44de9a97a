import type { Sample } from './types.ts';

export const SAMPLES_MS = 80_000;
/** A count of the queue may be this old. */
const LATE_MS = 15_000;
/** The lasting rate is told from windows of this length; from shorter ones at the beginning, once this much was seen. */
const WINDOW_MS = 10_000;
const SHORTEST_MS = 4_500;
/** More than so many times what the web servers tell, and some, has other senders: the estimate is not so far off. */
const MOST_UNTOLD = 2;
const SOME_UNTOLD = 20;

/** The samples with a new one, without those too old for any window. */
export function addSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const kept = samples.filter(({ at }) => at < sample.at && at >= sample.at - SAMPLES_MS);
  kept.push(sample);
  return kept;
}

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

/** Arrivals until a time, counted from some beginning. */
type Count = (time: number) => number;

/**
 * Arrivals by the web servers' own count; where that is not known, what has left the queue and what is there: the queue
 * itself counts no arrivals.
 */
export function arrivalRates(samples: readonly Sample[]): Rates {
  const count = counted(samples);
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

/** Arrivals counted from some beginning. */
export function arrivedBy(samples: readonly Sample[], time: number): number {
  return counted(samples)(time);
}

/**
 * Messages that cannot be done yet, however late the queue counts them: of those that the web servers told of in the last
 * seconds, all beyond what so many workers do in that time.
 *
 * @param service seconds of work in a message
 */
export function undone(samples: readonly Sample[], workers: number, service: number): number {
  const last = samples.at(-1);
  return samples.reduce((most, { at, accepted }) => {
    if (last?.accepted === undefined || accepted === undefined || at < last.at - LATE_MS) return most;
    return Math.max(most, last.accepted - accepted - (workers * (last.at - at)) / 1000 / service);
  }, 0);
}

function lasting(count: Count, now: number, seenMs: number): number {
  const whole = Math.floor(seenMs / WINDOW_MS);
  if (whole >= 2) return median(windows(count, now, Math.min(6, whole), WINDOW_MS));
  return seenMs < SHORTEST_MS ? 0 : Math.min(...windows(count, now, 3, seenMs / 3));
}

/**
 * Whether all that comes is told by web servers: they have told for as long as there are samples, and the queue does not
 * show much more than that. Others may send to it too.
 */
function areTold(samples: readonly Sample[]): boolean {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) return false;
  if (samples.some(({ accepted }) => accepted === undefined)) return false;
  const shown = estimated(samples)(last.at) - arrived(first);
  return shown <= MOST_UNTOLD * (last.accepted! - first.accepted!) + SOME_UNTOLD;
}

function counted(samples: readonly Sample[]): Count {
  return areTold(samples) ? told(samples) : estimated(samples);
}

function estimated(samples: readonly Sample[]): Count {
  return time => mostBy(samples, time, arrived);
}

function arrived({ depth, completed }: Sample): number {
  return depth + completed;
}

/** Between two samples as if it had grown evenly. */
function told(samples: readonly Sample[]): Count {
  return time => {
    const next = samples.findIndex(({ at }) => at > time);
    const after = samples.at(next)!;
    const before = samples[next - 1] ?? after;
    const part = after.at > before.at ? (time - before.at) / (after.at - before.at) : 0;
    return before.accepted! + (after.accepted! - before.accepted!) * Math.max(0, Math.min(1, part));
  };
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
