/** A proportion, and between what it lies with 95 % confidence. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const Z = 1.959_964;
const REPLICATES = 1000;

/** The score interval for independent trials (Wilson 1927). */
export function wilson(successes: number, trials: number): Estimate {
  if (trials === 0) return { value: Number.NaN, low: 0, high: 1 };
  const value = successes / trials;
  const z2 = Z * Z;
  const centre = (value + z2 / (2 * trials)) / (1 + z2 / trials);
  const half =
    (Z / (1 + z2 / trials)) * Math.sqrt((value * (1 - value)) / trials + z2 / (4 * trials * trials));
  const low = successes === 0 ? 0 : Math.max(0, centre - half);
  const high = successes === trials ? 1 : Math.min(1, centre + half);
  return { value, low, high };
}

/** Trials in which the same people take part again and again. */
export interface Clustered {
  readonly people: number;
  /** Successes and trials of a sample in which person i occurs `weights[i]` times. */
  readonly count: (weights: Float64Array) => { readonly successes: number; readonly trials: number };
}

/**
 * For trials that share people, such as all pairs of photos: the people are drawn again, with replacement (bootstrap,
 * percentiles of 1,000 replicates). Where there is no success, or nothing but, drawing again tells nothing: then the interval is
 * Wilson's with as many trials as there are people.
 */
export function bootstrap({ people, count }: Clustered, random = mulberry(1)): Estimate {
  const { successes, trials } = count(new Float64Array(people).fill(1));
  if (trials === 0) return { value: Number.NaN, low: 0, high: 1 };
  const value = successes / trials;
  if (successes === 0) return { value, low: 0, high: wilson(0, people).high };
  if (successes === trials) return { value, low: wilson(people, people).low, high: 1 };
  const values = replicates(people, random)
    .map(count)
    .filter(replicate => replicate.trials > 0)
    .map(replicate => replicate.successes / replicate.trials)
    .sort((a, b) => a - b);
  return {
    value,
    low: values[Math.floor(0.025 * values.length)]!,
    high: values[Math.floor(0.975 * values.length)]!,
  };
}

/** How often each person is drawn, many times over. */
export function replicates(people: number, random: () => number, times = REPLICATES): Float64Array[] {
  return Array.from({ length: times }, () => {
    const weights = new Float64Array(people);
    for (let i = 0; i < people; i++) weights[Math.floor(random() * people)]!++;
    return weights;
  });
}

/** Uniform numbers from 0 to 1, the same ones for the same seed: a report says the same each time. */
export function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
