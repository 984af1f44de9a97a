import type { Outcome } from './outcome.ts';

/** What several runs came to, as means a run; waits are those of all messages of all runs together. */
export interface Measures {
  readonly runs: number;
  readonly messages: number;
  /** s */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Part of the messages answered within 30 s. */
  readonly within30: number;
  /** Instance-seconds of one run. */
  readonly cost: number;
  readonly hours: number;
  readonly launches: number;
  readonly wasted: number;
  readonly busyKills: number;
  readonly ec2Calls: number;
  /** The highest of all runs. */
  readonly peak: number;
  readonly lost: number;
}

export function measure(outcomes: readonly Outcome[]): Measures {
  const runs = outcomes.length;
  const mean = (value: (outcome: Outcome) => number) =>
    outcomes.reduce((sum, each) => sum + value(each), 0) / runs;
  const waits = new Float64Array(outcomes.reduce((sum, each) => sum + each.waits.length, 0));
  let filled = 0;
  for (const each of outcomes) {
    waits.set(each.waits, filled);
    filled += each.waits.length;
  }
  waits.sort();
  return {
    runs,
    messages: waits.length / runs,
    p50: percentile(waits, 0.5),
    p95: percentile(waits, 0.95),
    p99: percentile(waits, 0.99),
    within30: waits.length === 0 ? 1 : waits.filter(wait => wait <= 30).length / waits.length,
    cost: mean(each => each.cost),
    hours: mean(each => each.seconds) / 3600,
    launches: mean(each => each.launches),
    wasted: mean(each => each.wasted),
    busyKills: mean(each => each.busyKills),
    ec2Calls: mean(each => each.ec2Calls),
    peak: Math.max(...outcomes.map(each => each.peak)),
    lost: outcomes.reduce((sum, each) => sum + each.lost, 0),
  };
}

/** By nearest rank, of ascending values; 0 of none. */
export function percentile(ascending: Float64Array, part: number): number {
  const rank = Math.ceil(part * ascending.length);
  return ascending[Math.min(ascending.length - 1, Math.max(0, rank - 1))] ?? 0;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
