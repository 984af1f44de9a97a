/** The face of one photo, and whose it is. */
export interface Sample {
  readonly person: string;
  /** Path below the folder that was given. */
  readonly file: string;
  /** L2-normalised. */
  readonly embedding: Float32Array;
}

/** Two samples, by their places; the first one's is lower. */
export interface Pair {
  readonly one: number;
  readonly other: number;
  readonly similarity: number;
}

/** How similar all pairs of samples are. */
export interface Pairs {
  /** Of one person. */
  readonly genuine: readonly Pair[];
  /** Of two people, counted by similarity: place i is for those from −1 + i / BINS_PER_UNIT on. */
  readonly impostors: Float64Array;
  readonly impostorCount: number;
  /** The most similar of these, the most similar first. */
  readonly nearest: readonly Pair[];
}

export const BINS_PER_UNIT = 1000;
/** Of pairs of two people, the 2 % that are most similar say how the tail goes on: see `fitTail`. */
export const TAIL_SHARE = 0.02;

export function dot(one: Float32Array, other: Float32Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const length = one.length & ~3;
  for (let i = 0; i < length; i += 4) {
    a += one[i]! * other[i]!;
    b += one[i + 1]! * other[i + 1]!;
    c += one[i + 2]! * other[i + 2]!;
    d += one[i + 3]! * other[i + 3]!;
  }
  for (let i = length; i < one.length; i++) a += one[i]! * other[i]!;
  return a + b + c + d;
}

export function comparePairs(samples: readonly Sample[]): Pairs {
  const genuine: Pair[] = [];
  const impostors = new Float64Array(2 * BINS_PER_UNIT + 1);
  let impostorCount = 0;
  forAll(samples, (one, other, similarity) => {
    if (samples[one]!.person === samples[other]!.person) genuine.push({ one, other, similarity });
    else {
      impostors[binOf(similarity)]!++;
      impostorCount++;
    }
  });
  // A second look, for those above a limit that is known only now: millions of pairs are not kept.
  let left = Math.max(TAIL_SHARE * impostorCount, 100);
  let limit = impostors.length - 1;
  for (; limit > 0 && left > impostors[limit]!; limit--) left -= impostors[limit]!;
  const nearest: Pair[] = [];
  forAll(samples, (one, other, similarity) => {
    if (binOf(similarity) >= limit && samples[one]!.person !== samples[other]!.person)
      nearest.push({ one, other, similarity });
  });
  nearest.sort((a, b) => b.similarity - a.similarity);
  return { genuine, impostors, impostorCount, nearest };
}

function binOf(similarity: number): number {
  return Math.max(0, Math.min(2 * BINS_PER_UNIT, Math.floor((similarity + 1) * BINS_PER_UNIT)));
}

function forAll(
  samples: readonly Sample[],
  visit: (one: number, other: number, similarity: number) => void,
): void {
  for (let one = 0; one < samples.length; one++)
    for (let other = one + 1; other < samples.length; other++)
      visit(one, other, dot(samples[one]!.embedding, samples[other]!.embedding));
}
