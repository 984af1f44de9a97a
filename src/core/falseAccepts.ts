/**
 * How similar strangers are. Beyond about 0.2 the similarity of faces of two different people is distributed as the tail of a
 * normal distribution: a similarity of t or more has the probability Φ((mean − t) / deviation). So it was found for the bundled
 * models: over 87 million pairs of Labeled Faces in the Wild two numbers give all four rates from 2.9e-3 to 3.5e-5 to within
 * 2 %; and from the rates above 1e-3 of 24,000 pairs they foretell those below.
 */
export interface Impostors {
  readonly mean: number;
  readonly deviation: number;
  /** The greatest similarity that the measurement tells of; beyond, the tail is extrapolated. */
  readonly measuredTo: number;
}

/** Probability that a stranger resembles one given face by at least so much. */
export function falseAcceptRate({ mean, deviation }: Impostors, similarity: number): number {
  return upperTail((similarity - mean) / deviation);
}

/** Probability that a stranger resembles at least one of so many faces, as if these were independent. */
export function falseAcceptRateOfMany(rate: number, faces: number): number {
  return -Math.expm1(faces * Math.log1p(-rate));
}

/**
 * The similarity that a stranger has to any of so many faces with this probability. Faces are taken for independent, which
 * several of one person are not: there are then fewer false accepts than wanted, not more.
 * @param target 0 to 1, exclusive
 */
export function thresholdFor({ mean, deviation }: Impostors, target: number, faces: number): number {
  const rate = -Math.expm1(Math.log1p(-target) / Math.max(1, faces));
  return Math.max(-1, Math.min(1, mean + deviation * upperQuantile(rate)));
}

/** Probability that a standard normal variable is greater; relative error below 2e-7 (Numerical Recipes, erfc by Chebyshev fitting). */
export function upperTail(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 2 / (2 + x);
  let power = 0;
  for (const coefficient of ERFC) power = power * t + coefficient;
  const tail = (t * Math.exp(-x * x + power)) / 2;
  return z >= 0 ? tail : 1 - tail;
}
const ERFC = [
  0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
  1.00002368, -1.26551223,
];

/** What a standard normal variable exceeds with this probability. */
export function upperQuantile(probability: number): number {
  let [low, high] = [-40, 40];
  while (high - low > 1e-9) {
    const middle = (low + high) / 2;
    if (upperTail(middle) > probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
