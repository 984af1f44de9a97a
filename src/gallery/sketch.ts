/**
 * A face in 64 bytes, for a first look at all of them. Bit i says on which side of a plane the embedding lies; the planes are
 * those of a random rotation. Of two embeddings at an angle θ, the bits differ in 512 θ / π places on the average, whatever model
 * made them (Charikar 2002, "Similarity estimation techniques from rounding algorithms").
 */
import {
  add,
  advance,
  get,
  load,
  loop,
  number,
  or,
  type Routine,
  set,
  shiftLeft,
  simd,
  store,
  storeByte,
  type,
} from './assembler.ts';

export const SKETCH_BITS = 512;
export const SKETCH_BYTES = SKETCH_BITS / 8;
/** Float32 numbers that are rotated. */
export const PLACES_BYTES = 4 * SKETCH_BITS;
/** Sketches of so many faces lie together, byte by byte: the first bytes of all, then the second ones, and so on. */
export const LANES = 16;
/** A sketch that all of LANES sketches are compared with at once. */
export const QUERY_SKETCH_BYTES = LANES * SKETCH_BYTES;
/** Distances count pairs of bits, so that one fits into a byte. */
export const DISTANCES = 256;

/**
 * How far from a query's sketch that of a face of at least this similarity lies, in pairs of bits, but for one face in thousands:
 * the mean and 36 bits. The standard deviation is 8.7 bits on photographs; it would be 11.3 if the planes were not at right angles.
 */
export function reachOf(similarity: number): number {
  const angle = Math.acos(Math.max(-1, Math.min(1, similarity)));
  return Math.min(DISTANCES - 1, Math.ceil(((SKETCH_BITS * angle) / Math.PI + ALLOWANCE) / 2));
}
const ALLOWANCE = 36;

export interface Sketcher {
  /**
   * Rotates the numbers at `places`, which are lost, and writes their signs, a byte of them at each 16th address from `target`
   * on. All addresses are in bytes of the memory, `places` a multiple of 16.
   */
  sketch(places: number, target: number): void;
  /**
   * Writes how many pairs of bits differ to a byte for each sketch.
   * @param sketches LANES of them together
   * @param end where they end
   * @param query LANES times the same
   */
  compare(sketches: number, end: number, query: number, distances: number): void;
}

const xor = simd(0x51);
const bitsSet = simd(0x62);
const addSaturated = simd(0x70);
const average = simd(0x7b);
const signs = simd(0xa4);
const addFloats = simd(0xe4);
const subtractFloats = simd(0xe5);
const zeros = simd(0x0c, ...new Array<number>(16).fill(0));

/** Walsh and Hadamard's transform of each fourth number: the first two of its nine steps are left out, chance does without. */
const rotation = () => {
  const [places, target, at, half, end, one, other] = [0, 1, 2, 3, 4, 5, 6];
  const step = (distance: number) => [
    ...[...get(places), ...set(at)],
    ...loop(
      [
        ...[...get(at), ...number(distance), ...add, ...set(half)],
        ...loop(
          [
            ...[...get(at), ...load(), ...set(one), ...get(at), ...load(distance), ...set(other)],
            ...[...get(at), ...get(one), ...get(other), ...addFloats, ...store()],
            ...[...get(at), ...get(one), ...get(other), ...subtractFloats, ...store(distance)],
            ...advance(at, 16),
          ],
          get(at),
          get(half),
        ),
        ...advance(at, distance),
      ],
      get(at),
      get(end),
    ),
  ];
  const steps: number[] = [];
  for (let distance = 16; distance < PLACES_BYTES; distance *= 2) steps.push(...step(distance));
  return {
    name: 'sketch',
    parameters: [type.i32, type.i32],
    locals: [
      [3, type.i32],
      [2, type.v128],
    ],
    body: [
      ...[...get(places), ...number(PLACES_BYTES), ...add, ...set(end)],
      ...steps,
      ...loop(
        [
          ...get(target),
          ...[...get(places), ...load(), ...signs],
          ...[...get(places), ...load(16), ...signs, ...number(4), ...shiftLeft, ...or],
          ...storeByte,
          ...advance(places, 32),
          ...advance(target, LANES),
        ],
        get(places),
        get(end),
      ),
    ],
  } satisfies Routine;
};

const comparison = () => {
  const [sketches, end, query, distances, at, half, low, high] = [0, 1, 2, 3, 4, 5, 6, 7];
  const HALF = QUERY_SKETCH_BYTES / 2;
  const UNROLLED = 8;
  const differing = (sum: number, offset: number) => [
    ...[...get(sketches), ...load(offset), ...get(at), ...load(offset), ...xor, ...bitsSet],
    ...[...get(sum), ...addSaturated, ...set(sum)],
  ];
  return {
    name: 'compare',
    parameters: [type.i32, type.i32, type.i32, type.i32],
    locals: [
      [2, type.i32],
      [2, type.v128],
    ],
    body: [
      ...[...get(query), ...number(HALF), ...add, ...set(half)],
      ...loop(
        [
          ...[...zeros, ...set(low), ...zeros, ...set(high), ...get(query), ...set(at)],
          ...loop(
            [
              // 255 is as good as 256, the most that may come together.
              ...Array.from({ length: UNROLLED }, (_, n) => [
                ...differing(low, LANES * n),
                ...differing(high, HALF + LANES * n),
              ]).flat(),
              ...advance(sketches, LANES * UNROLLED),
              ...advance(at, LANES * UNROLLED),
            ],
            get(at),
            get(half),
          ),
          ...advance(sketches, HALF),
          ...[...get(distances), ...get(low), ...get(high), ...average, ...store()],
          ...advance(distances, LANES),
        ],
        get(sketches),
        get(end),
      ),
    ],
  } satisfies Routine;
};

export const sketcher: readonly Routine[] = [rotation(), comparison()];

/** Spreads numbers over all places, with signs drawn by lot: few numbers several times, many on top of each other. */
export class Spread {
  readonly #signs: Int8Array;
  readonly #dimensions: number;

  constructor(dimensions: number) {
    this.#dimensions = dimensions;
    this.#signs = Int8Array.from({ length: Math.max(SKETCH_BITS, dimensions) }, drawnSigns());
  }

  write(values: Int8Array | Float32Array, places: Float32Array): void {
    const signsOf = this.#signs;
    places.fill(0);
    for (let at = 0, count = 0; at < signsOf.length; at += count) {
      const [from, to] = [at % this.#dimensions, at % SKETCH_BITS];
      count = Math.min(this.#dimensions - from, SKETCH_BITS - to, signsOf.length - at);
      for (let i = 0; i < count; i++) places[to + i]! += signsOf[at + i]! * values[from + i]!;
    }
  }
}

/** The same ones each time (xorshift, Marsaglia 2003). */
function drawnSigns(): () => number {
  let state = 2_463_534_242;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state < 0 ? -1 : 1;
  };
}

/** Where a row's sketch begins. */
export const sketchOf = (first: number, row: number) =>
  first + (row - (row % LANES)) * SKETCH_BYTES + (row % LANES);

export function copySketch(memory: Uint8Array, from: number, to: number): void {
  for (let i = 0; i < QUERY_SKETCH_BYTES; i += LANES) memory[to + i] = memory[from + i]!;
}

/** Repeats the sketch at `first` for all lanes. */
export function repeatSketch(memory: Uint8Array, first: number): void {
  for (let i = first; i < first + QUERY_SKETCH_BYTES; i += LANES) memory.fill(memory[i]!, i, i + LANES);
}
