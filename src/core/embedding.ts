/**
 * An embedding in one byte a number: number i is `scale` × `values[i]`. Where the numbers are spread like those of a face's
 * embedding of d numbers and length 1, a cosine of two changes by 0.008 / √d (standard deviation): 0.0004 for 512.
 */
export interface Embedding {
  readonly scale: number;
  readonly values: Int8Array;
}

const LARGEST = 127;

/** Rounds to the nearest that can be said; what was packed already stays as it is. */
export function pack(numbers: Float32Array): Embedding {
  let largest = 0;
  for (const number of numbers) largest = Math.max(largest, Math.abs(number));
  // As it is stored: in 32 bits.
  const scale = Math.fround(largest / LARGEST);
  const values = new Int8Array(numbers.length);
  if (scale > 0)
    for (let i = 0; i < numbers.length; i++)
      values[i] = Math.max(-LARGEST, Math.min(LARGEST, Math.round(numbers[i]! / scale)));
  return { scale, values };
}

export function unpack({ scale, values }: Embedding): Float32Array {
  return Float32Array.from(values, value => value * scale);
}

/** Cosine similarity of two embeddings of length 1. */
export function similarity(one: Embedding, other: Embedding): number {
  let sum = 0;
  for (let i = 0; i < one.values.length; i++) sum += one.values[i]! * other.values[i]!;
  return sum * one.scale * other.scale;
}
