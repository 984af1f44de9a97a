/** A made-up person: the direction that all of the person's faces have in common. */
export interface Person {
  readonly seed: number;
  readonly centre: Float32Array;
}

/** Photos of a person resemble each other by 0.71 in the mean, from 0.45 to 0.9. */
const SAME = 0.71;
const SPREAD = 0.1;
/**
 * Numbers that carry what people differ in, each with 1/40 less variance than the one before, as in the principal components of
 * the embeddings of photographs: strangers' similarities are 0.0 ± 0.11.
 */
const INDEPENDENT = 128;
const FALL = Math.exp(-1 / 80);
const FAMILY = 20;
/** Members of a family resemble each other by 0.3. */
const KIN = 0.3;

/** Deterministic uniform numbers from 0 to 1. */
function uniform(seed: number): () => number {
  let state = (seed * 2_654_435_761) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A direction among those in which people differ, spread over all numbers of an embedding. */
function direction(seed: number, dimensions: number): Float32Array {
  const random = uniform(seed);
  const vector = new Float32Array(dimensions);
  for (let i = 0; i < INDEPENDENT; i++) {
    const value = FALL ** i * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    // Four numbers for each independent one, so that all are in use; their signs keep them from being equal.
    for (let j = i, n = 0; j < dimensions; j += INDEPENDENT, n++)
      vector[j] = value * signs[(i * 7 + n) % signs.length]!;
  }
  return unit(vector);
}
const signs = [1, -0.6, 0.8, -1.2, 0.4, 0.9, -0.7];

function unit(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares);
  return vector.map(value => value / length);
}

function mix(one: Float32Array, share: number, other: Float32Array): Float32Array {
  const rest = Math.sqrt(1 - share * share);
  return unit(one.map((value, i) => share * value + rest * other[i]!));
}

export function madeUpPerson(n: number, dimensions: number): Person {
  const family = direction(1_000_003 + Math.floor(n / FAMILY), dimensions);
  return { seed: n, centre: mix(family, Math.sqrt(KIN), direction(5_000_011 + n, dimensions)) };
}

/** The n-th photo's embedding, of length 1. */
export function madeUpFace({ seed, centre }: Person, n: number): Float32Array {
  const noise = direction(20_000_003 + seed * 8 + n, centre.length);
  const random = uniform(40_000_003 + seed * 8 + n);
  const same = Math.max(0.3, Math.min(0.95, SAME + SPREAD * 2 * (random() + random() + random() - 1.5)));
  return mix(centre, Math.sqrt(same), noise);
}
