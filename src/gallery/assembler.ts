/** Just enough of WebAssembly's binary format (webassembly.github.io/spec) to write a few loops without a compiler. */

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

export const type = { i32: 0x7f, f32: 0x7d, v128: 0x7b, none: 0x40 } as const;

export const get = (local: number) => [0x20, local];
export const set = (local: number) => [0x21, local];
export const number = (value: number) => {
  // Signed LEB128 of a number from 0 to 8191.
  return value < 64 ? [0x41, value] : [0x41, (value & 127) | 128, value >>> 7];
};
export const add = [0x6a];
export const multiply = [0x6c];
export const or = [0x72];
export const shiftLeft = [0x74];
export const loadNumber = (offset = 0) => [0x28, 2, ...leb(offset)];
export const storeByte = [0x3a, 0, 0];
const lessUnsigned = [0x49];

export const simd = (code: number, ...rest: number[]) => [0xfd, ...leb(code), ...rest];
/** Both at addresses that are multiples of 16. */
export const load = (offset = 0) => simd(0x00, 4, ...leb(offset));
export const store = (offset = 0) => simd(0x0b, 4, ...leb(offset));
/** Four 32-bit lanes out of the eight of two vectors. */
export const shuffle = (...lanes: number[]) =>
  simd(0x0d, ...lanes.flatMap(n => [4 * n, 4 * n + 1, 4 * n + 2, 4 * n + 3]));

/** Repeats while `left` < `right` (unsigned), at least once. */
export const loop = (body: number[], left: number[], right: number[]) => [
  ...[0x03, type.none],
  ...body,
  ...[...left, ...right, ...lessUnsigned],
  ...[0x0d, 0],
  0x0b,
];

/** A local number, moved on. */
export const advance = (local: number, by: number) => [...get(local), ...number(by), ...add, ...set(local)];

export interface Routine {
  readonly name: string;
  /** Types of the parameters, */
  readonly parameters: readonly number[];
  /** and how many locals of which type follow them. */
  readonly locals: readonly (readonly [count: number, type: number])[];
  readonly body: readonly number[];
}

/** A module that exports the routines, none of which returns anything, and imports their memory as `js.memory`. */
export function assemble(routines: readonly Routine[]): Uint8Array<ArrayBuffer> {
  const codes = routines.map(({ locals, body }) => {
    const code = [...vector(locals.map(([count, kind]) => [...leb(count), kind])), ...body, 0x0b];
    return [...leb(code.length), ...code];
  });
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, ...routines.map(r => [0x60, ...vector(r.parameters.map(t => [t])), ...vector([])])),
    ...section(2, [...text('js'), ...text('memory'), 2, 0, ...leb(1)]),
    ...section(3, ...routines.map((_, i) => leb(i))),
    ...section(7, ...routines.map(({ name }, i) => [...text(name), 0, ...leb(i)])),
    ...section(10, ...codes),
  ]);
}
