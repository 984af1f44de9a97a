/**
 * The inner loop of the search, in WebAssembly SIMD: dot products of one query with many rows of 8-bit numbers. Written as a list
 * of instructions, because 30 of them need no compiler; JavaScript takes ten times as long.
 */

/** The rows of a block: a multiple of four, few enough for their scores to stay in the first cache. */
export const BLOCK_ROWS = 1024;

export interface Kernel {
  readonly memory: WebAssembly.Memory;
  /**
   * Writes `unit` × `scales[r]` × Σ `rows[r][i]` × `query[i]` to `scores[r]` for r = 0 … count − 1. All addresses are in bytes of
   * the memory, multiples of 16.
   * @param rows as `writeRow` leaves them
   * @param count a multiple of 4
   * @param stride numbers a row, a multiple of ROW_STEP
   * @param query as `writeQuery` leaves it
   * @param scales float32 a row
   * @param scores float32 a row
   */
  score(
    rows: number,
    count: number,
    stride: number,
    query: number,
    scales: number,
    scores: number,
    unit: number,
  ): void;
}

/** An unsigned number in LEB128. */
function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}

const vector = (items: readonly (readonly number[])[]) => [...leb(items.length), ...items.flat()];
const section = (id: number, ...items: number[][]) => {
  const content = vector(items);
  return [id, ...leb(content.length), ...content];
};
const text = (word: string) => [...leb(word.length), ...Buffer.from(word)];

/** Sixteen numbers of four rows, in bytes. */
const GROUP = 64;
/** Numbers of a row that are taken at once. */
export const ROW_STEP = 32;

const type = { i32: 0x7f, f32: 0x7d, v128: 0x7b, none: 0x40 };

const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const tee = (local: number) => [0x22, local];
const number = (value: number) => {
  // Signed LEB128 of a number from 0 to 8191.
  return value < 64 ? [0x41, value] : [0x41, (value & 127) | 128, value >>> 7];
};
const add = [0x6a];
const multiply = [0x6c];
const lessUnsigned = [0x49];
const simd = (code: number, ...rest: number[]) => [0xfd, ...leb(code), ...rest];
/** Both at addresses that are multiples of 16. */
const load = (offset = 0) => simd(0x00, 4, ...leb(offset));
const store = simd(0x0b, 4, 0);
const evenBytes = simd(0x0c, ...Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 255 : 0)));
const splat = simd(0x13);
const and = simd(0x4e);
/** Eight 16-bit lanes, by a number of bits. */
const shiftRight = simd(0x8c);
const addWords = simd(0xae);
const dotHalves = simd(0xba);
const multiplyFloats = simd(0xe6);
const toFloats = simd(0xfa);
/** Four 32-bit lanes out of the eight of two vectors. */
const shuffle = (...lanes: number[]) =>
  simd(0x0d, ...lanes.flatMap(n => [4 * n, 4 * n + 1, 4 * n + 2, 4 * n + 3]));

/** Repeats while `left` < `right` (unsigned), at least once. */
const loop = (body: number[], left: number[], right: number[]) => [
  ...[0x03, type.none],
  ...body,
  ...[...left, ...right, ...lessUnsigned],
  ...[0x0d, 0],
  0x0b,
];

// Parameters,
const [rows, count, stride, query, scales, scores, unit] = [0, 1, 2, 3, 4, 5, 6];
// where the query is read, where it ends, and where the rows end,
const [at, queryEnd, end] = [7, 8, 9];
// the sums of four rows, sixteen numbers of one, two times eight of the query, and a mask.
const sum = [10, 11, 12, 13];
const [numbers, low, high, mask] = [14, 15, 16, 17];

/** The n-th sixteen numbers of four rows. */
const sixteenNumbers = (n: number) => [
  ...[...get(at), ...load(32 * n), ...set(low)],
  ...[...get(at), ...load(32 * n + 16), ...set(high)],
  ...sum.flatMap((local, row) => [
    ...[...get(rows), ...load(GROUP * n + 16 * row), ...set(numbers)],
    ...get(local),
    ...[...get(numbers), ...get(mask), ...and, ...get(low), ...dotHalves, ...addWords],
    ...[...get(numbers), ...number(8), ...shiftRight, ...get(high), ...dotHalves, ...addWords],
    ...set(local),
  ]),
];
const step = [
  ...Array.from({ length: ROW_STEP / 16 }, (_, n) => sixteenNumbers(n)).flat(),
  ...[...get(rows), ...number(4 * ROW_STEP), ...add, ...set(rows)],
  ...[...get(at), ...number(2 * ROW_STEP), ...add, ...set(at)],
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
  ...sum.flatMap(local => [...get(queryEnd), ...load(), ...set(local)]),
  ...[...get(query), ...set(at)],
  ...loop(step, get(at), get(queryEnd)),
  ...get(scores),
  ...[...total, ...toFloats],
  ...[...get(scales), ...load(), ...multiplyFloats],
  ...[...get(unit), ...splat, ...multiplyFloats],
  ...store,
  ...[...get(scores), ...number(16), ...add, ...set(scores)],
  ...[...get(scales), ...number(16), ...add, ...set(scales)],
];

const body = [
  ...vector([
    [...leb(3), type.i32],
    [...leb(8), type.v128],
  ]),
  ...[...get(query), ...get(stride), ...number(2), ...multiply, ...add, ...set(queryEnd)],
  ...[...get(rows), ...get(count), ...get(stride), ...multiply, ...add, ...tee(end)],
  ...[0x1a],
  ...[...evenBytes, ...set(mask)],
  ...loop(fourRows, get(rows), get(end)),
  0x0b,
];

const program = new Uint8Array([
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...section(1, [
    0x60,
    ...vector([...new Array<number>(6).fill(type.i32), type.f32].map(t => [t])),
    ...vector([]),
  ]),
  ...section(2, [...text('js'), ...text('memory'), 2, 0, ...leb(1)]),
  ...section(3, [0]),
  ...section(7, [...text('score'), 0, 0]),
  ...section(10, [...leb(body.length), ...body]),
]);

/** A kernel with a memory of its own of `pages` times 64 KiB. */
export function createKernel(pages: number): Kernel {
  const memory = new WebAssembly.Memory({ initial: pages });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(program), { js: { memory } });
  return { memory, score: exports.score as Kernel['score'] };
}

/**
 * Four rows lie together, sixteen numbers of each in turn, so that memory is read from front to back. Numbers at even places are
 * stored 128 higher: both bytes of a 16-bit lane are then got by one instruction each, a mask and a shift.
 * @param memory the rows
 * @param first where they begin
 */
export function writeRow(values: Int8Array, memory: Uint8Array, first: number, row: number): void {
  const stride = strideOf(values.length);
  const start = groupOf(first, row, stride);
  for (let i = 0; i < stride; i++) {
    const value = i < values.length ? values[i]! : 0;
    memory[start + GROUP * (i >> 4) + (i & 15)] = value + (i % 2 === 0 ? EVEN_OFFSET : 0);
  }
}
const EVEN_OFFSET = 128;

/** What `writeRow` wrote. */
export function readRow(memory: Uint8Array, first: number, row: number, dimensions: number): Int8Array {
  const start = groupOf(first, row, strideOf(dimensions));
  // Conversion to eight bits takes the offset modulo 256.
  return Int8Array.from(
    { length: dimensions },
    (_, i) => memory[start + GROUP * (i >> 4) + (i & 15)]! - (i % 2 === 0 ? EVEN_OFFSET : 0),
  );
}

export function copyRow(
  memory: Uint8Array,
  stride: number,
  from: [number, number],
  to: [number, number],
): void {
  const source = groupOf(...from, stride);
  const target = groupOf(...to, stride);
  for (let i = 0; i < stride / 16; i++)
    memory.copyWithin(target + GROUP * i, source + GROUP * i, source + GROUP * i + 16);
}

const groupOf = (first: number, row: number, stride: number) =>
  first + (row >> 2) * 4 * stride + (row & 3) * 16;

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
