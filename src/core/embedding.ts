/**
 * An embedding in one byte a number: number i is `scale` × `values[i]`. Where the numbers are spread like those of a face's
 * embedding of d numbers and length 1, a cosine of two changes by 0.008 / √d (standard deviation): 0.0004 for 512.
 */
export interface Embedding {
  readonly scale: number;
  readonly values: Int8Array;
}

const LARGEST = 127;

/** Rounds each number to the nearest that can be said, and keeps the length. */
export function pack(numbers: Float32Array): Embedding {
  let largest = 0;
  for (const number of numbers) largest = Math.max(largest, Math.abs(number));
  const values = new Int8Array(numbers.length);
  if (largest === 0) return { scale: 0, values };
  let [before, after] = [0, 0];
  for (let i = 0; i < numbers.length; i++) {
    const value = Math.round((numbers[i]! / largest) * LARGEST);
    values[i] = value;
    before += numbers[i]! ** 2;
    after += value ** 2;
  }
  // As it is stored: in 32 bits.
  return { scale: Math.fround(Math.sqrt(before / after)), values };
}

export function unpack({ scale, values }: Embedding): Float32Array {
  return Float32Array.from(values, value => value * scale);
}
