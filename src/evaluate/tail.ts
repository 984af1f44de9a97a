import { type Impostors, upperQuantile } from '../core/falseAccepts.ts';
import { type Pair, TAIL_SHARE } from './samples.ts';

/** With fewer pairs than this above a similarity, their share is not known well enough to go on from. */
const FEWEST = 10;
/** With fewer pairs of different people, nothing is said about rates that were not seen. */
const FEWEST_PAIRS = 1000;
const POINTS = 20;

/**
 * The normal distribution whose tail fits that of the impostors: a straight line through the normal quantiles of the rates from
 * 2 % down to ten pairs, equally spaced in the logarithm. Tried with 24,000 pairs, it foretold the rates that 87 million pairs
 * have (2.9e-3 to 3.5e-5) to within a fifth; the generalised Pareto tail did as well there and gave lower thresholds for 1e-6, so
 * this is the more careful one. undefined where there are too few pairs.
 * @param nearest the most similar pairs, sorted, with how much each counts
 * @param total what all pairs count together
 */
export function fitTail(
  nearest: readonly Pair[],
  total: number,
  weightOf: (pair: Pair) => number = () => 1,
): Impostors | undefined {
  if (total < FEWEST_PAIRS) return undefined;
  const rates: number[] = [];
  let sum = 0;
  for (const pair of nearest) {
    sum += weightOf(pair);
    rates.push(sum / total);
  }
  const least = FEWEST / total;
  const most = Math.min(TAIL_SHARE, rates.at(-1) ?? 0);
  if (most <= 2 * least) return undefined;
  const points: (readonly [number, number])[] = [];
  for (let n = 0, i = 0; n < POINTS; n++) {
    const rate = least * (most / least) ** (n / (POINTS - 1));
    while (i < rates.length - 1 && rates[i]! < rate) i++;
    points.push([nearest[i]!.similarity, upperQuantile(rate)]);
  }
  const { slope, intercept } = line(points);
  if (!(slope > 0)) return undefined;
  return { mean: -intercept / slope, deviation: 1 / slope, measuredTo: points[0]![0] };
}

/** Least squares. */
function line(points: readonly (readonly [number, number])[]): { slope: number; intercept: number } {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(p => p[0])), mean(points.map(p => p[1]))];
  const slope =
    mean(points.map(p => (p[0] - x) * (p[1] - y))) / mean(points.map(p => (p[0] - x) * (p[0] - x)));
  return { slope, intercept: y - slope * x };
}
