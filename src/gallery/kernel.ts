import {
  add,
  advance,
  assemble,
  get,
  load,
  loadNumber,
  loop,
  multiply,
  number,
  type Routine,
  set,
  shuffle,
  simd,
  store,
  type,
} from './assembler.ts';
import { type Sketcher, sketcher } from './sketch.ts';

/**
 * The inner loop of the search, in WebAssembly SIMD: dot products of one query with rows of 8-bit numbers. Written as a list of
 * instructions, because 30 of them need no compiler; JavaScript takes ten times as long.
 */

/** So many rows are compared at once: a multiple of four, few enough for their products to stay in the first cache. */
export const BLOCK_ROWS = 1024;

export interface Kernel extends Sketcher {
  readonly memory: WebAssembly.Memory;
  /**
   * Writes Σ `row[i]` × `query[i]` to `products`, an int32 for each row. All addresses are in bytes of the memory, multiples of 16.
   * @param rows addresses of rows that `writeRow` left, a multiple of four of them
   * @param end where the addresses end
   * @param stride numbers a row, a multiple of ROW_STEP
   * @param query as `writeQuery` leaves it
   */
  multiply(rows: number, end: number, stride: number, query: number, products: number): void;
}

/** Numbers of a row that are taken at once. */
export const ROW_STEP = 32;

const evenBytes = simd(0x0c, ...Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 255 : 0)));
const and = simd(0x4e);
/** Eight 16-bit lanes, by a number of bits. */
const shiftRight = simd(0x8c);
const addWords = simd(0xae);
const dotHalves = simd(0xba);

// Parameters,
const [rows, end, stride, query, products] = [0, 1, 2, 3, 4];
// where the query and four rows are read, and where the query ends,
const [at, queryEnd] = [5, 6];
const row = [7, 8, 9, 10];
// the sums of four rows, sixteen numbers of one, two times eight of the query, and a mask.
const sum = [11, 12, 13, 14];
const [numbers, low, high, mask] = [15, 16, 17, 18];

/** The n-th sixteen numbers of four rows. */
const sixteenNumbers = (n: number) => [
  ...[...get(at), ...load(32 * n), ...set(low)],
  ...[...get(at), ...load(32 * n + 16), ...set(high)],
  ...sum.flatMap((local, i) => [
    ...[...get(row[i]!), ...load(16 * n), ...set(numbers)],
    ...get(local),
    ...[...get(numbers), ...get(mask), ...and, ...get(low), ...dotHalves, ...addWords],
    ...[...get(numbers), ...number(8), ...shiftRight, ...get(high), ...dotHalves, ...addWords],
    ...set(local),
  ]),
];
const step = [
  ...Array.from({ length: ROW_STEP / 16 }, (_, n) => sixteenNumbers(n)).flat(),
  ...row.flatMap(local => advance(local, ROW_STEP)),
  ...advance(at, 2 * ROW_STEP),
];

/** The four sums' four lanes each, added up, as four lanes. */
const pairs = (one: number, other: number) => [
  ...[...get(one), ...get(other), ...shuffle(0, 4, 1, 5)],
  ...[...get(one), ...get(other), ...shuffle(2, 6, 3, 7)],
  ...addWords,
];
const total = [
  ...[...pairs(sum[0]!, sum[1]!), ...set(low)],
  ...[...pairs(sum[2]!, sum[3]!), ...set(high)],
  ...[...get(low), ...get(high), ...shuffle(0, 1, 4, 5)],
  ...[...get(low), ...get(high), ...shuffle(2, 3, 6, 7)],
  ...addWords,
];

const fourRows = [
  ...row.flatMap((local, i) => [...get(rows), ...loadNumber(4 * i), ...set(local)]),
  ...sum.flatMap(local => [...get(queryEnd), ...load(), ...set(local)]),
  ...[...get(query), ...set(at)],
  ...loop(step, get(at), get(queryEnd)),
  ...[...get(products), ...total, ...store()],
  ...advance(products, 16),
  ...advance(rows, 16),
];

const product: Routine = {
  name: 'multiply',
  parameters: new Array<number>(5).fill(type.i32),
  locals: [
    [6, type.i32],
    [8, type.v128],
  ],
  body: [
    ...[...get(query), ...get(stride), ...number(2), ...multiply, ...add, ...set(queryEnd)],
    ...[...evenBytes, ...set(mask)],
    ...loop(fourRows, get(rows), get(end)),
  ],
};

const program = assemble([product, ...sketcher]);

/** A kernel with a memory of its own of `pages` times 64 KiB. */
export function createKernel(pages: number): Kernel {
  const memory = new WebAssembly.Memory({ initial: pages });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(program), { js: { memory } });
  return { memory, ...(exports as unknown as Omit<Kernel, 'memory'>) };
}

/**
 * Numbers at even places are stored 128 higher: both bytes of a 16-bit lane are then got by one instruction each, a mask and a
 * shift.
 * @param start where the row begins
 */
export function writeRow(values: Int8Array, memory: Uint8Array, start: number): void {
  const stride = strideOf(values.length);
  for (let i = 0; i < stride; i += 2) {
    memory[start + i] = (values[i] ?? 0) + EVEN_OFFSET;
    memory[start + i + 1] = values[i + 1] ?? 0;
  }
}
const EVEN_OFFSET = 128;

/** What `writeRow` wrote. */
export function readRow(memory: Uint8Array, start: number, dimensions: number): Int8Array {
  // Conversion to eight bits takes the offset modulo 256.
  return Int8Array.from(
    { length: dimensions },
    (_, i) => memory[start + i]! - (i % 2 === 0 ? EVEN_OFFSET : 0),
  );
}

/**
 * The query as the kernel reads it: of each sixteen numbers those at even places, then the others; behind them what makes up for
 * the 128.
 * @param target as many bytes as `queryBytes` says
 * @returns what one unit of the numbers written is worth
 */
export function writeQuery(query: Float32Array, target: DataView): number {
  const stride = strideOf(query.length);
  // No sum of products of that and an 8-bit number leaves 32 bits.
  const largest = Math.min(32_767, Math.floor(2 ** 31 / (128 * stride)) - 1);
  let longest = 0;
  for (const value of query) longest = Math.max(longest, Math.abs(value));
  const unit = longest / largest;
  let even = 0;
  for (let i = 0; i < stride; i++) {
    const value = unit > 0 && i < query.length ? Math.round(query[i]! / unit) : 0;
    const place = (i & ~15) + (i % 2 === 0 ? 0 : 8) + ((i & 15) >> 1);
    target.setInt16(2 * place, value, true);
    if (i % 2 === 0) even += value;
  }
  for (let lane = 0; lane < 4; lane++)
    target.setInt32(2 * stride + 4 * lane, lane === 0 ? -EVEN_OFFSET * even : 0, true);
  return unit;
}

/** Bytes of a row of so many numbers. */
export const strideOf = (dimensions: number) => Math.ceil(dimensions / ROW_STEP) * ROW_STEP;

export const queryBytes = (stride: number) => 2 * stride + 16;
