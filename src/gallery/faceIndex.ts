import { type Embedding, unpack } from '../core/embedding.ts';
import { BestTwo } from './bestTwo.ts';
import {
  BLOCK_ROWS,
  createKernel,
  type Kernel,
  queryBytes,
  readRow,
  strideOf,
  writeQuery,
  writeRow,
} from './kernel.ts';
import { Persons } from './persons.ts';
import {
  copySketch,
  DISTANCES,
  LANES,
  PLACES_BYTES,
  QUERY_SKETCH_BYTES,
  reachOf,
  repeatSketch,
  SKETCH_BITS,
  SKETCH_BYTES,
  Spread,
  sketchOf,
} from './sketch.ts';

/** Who a face most resembles. */
export interface Match {
  readonly person: string;
  /** The enrolled face it resembles most. */
  readonly face: string;
  /** Cosine similarity to that face. */
  readonly similarity: number;
  /** How much less it resembles the most similar face of any other person; null when there is no other person. */
  readonly margin: number | null;
}

const PAGE = 65_536;
/** In fewer faces a first look costs more than it saves. */
const LOOK_FROM = 4096;
/** Of the faces whose sketches are nearest, so many are compared first, to learn how far away a better one could be. */
const FIRST_SHARE = 1 / 256;
/** In all four bytes of a word. */
const EACH = 0x01010101;
const HIGHEST = 0x80808080;

/**
 * Search in memory over L2-normalised embeddings of one model. In a small gallery each query compares with every face. In a large
 * one it looks at all faces' sketches first, and compares with those that can be as similar as the second person found: see
 * `reachOf`. The embeddings are those of `pack`; a similarity is as exact as these.
 */
export class FaceIndex {
  readonly dimensions: number;
  readonly #stride: number;
  /**
   * Where the query, its sketch, numbers to be rotated, addresses of rows, their products and the blocks lie in the kernel's
   * memory. A block is its rows, then their sketches, then these ones' distances from the query's.
   */
  readonly #querySketchAt: number;
  readonly #placesAt: number;
  readonly #listAt: number;
  readonly #productsAt: number;
  readonly #blocksAt: number;
  readonly #blockBytes: number;
  readonly #kernel: Kernel;
  readonly #spread: Spread;
  readonly #lookFrom: number;
  readonly #faces: string[] = [];
  readonly #rowOf = new Map<string, number>();
  /** Of all rows: the numbers of their persons, and what one of their own numbers is worth. */
  #personOf = new Int32Array(BLOCK_ROWS);
  #scaleOf = new Float32Array(BLOCK_ROWS);
  /** The rows whose addresses are listed. */
  readonly #listed = new Int32Array(BLOCK_ROWS);
  readonly #persons = new Persons();

  /** @param lookFrom how many faces make the gallery a large one */
  constructor(dimensions: number, lookFrom = LOOK_FROM) {
    this.dimensions = dimensions;
    this.#lookFrom = lookFrom;
    this.#stride = strideOf(dimensions);
    this.#spread = new Spread(dimensions);
    this.#querySketchAt = queryBytes(this.#stride);
    this.#placesAt = this.#querySketchAt + QUERY_SKETCH_BYTES;
    this.#listAt = this.#placesAt + PLACES_BYTES;
    this.#productsAt = this.#listAt + 4 * BLOCK_ROWS;
    this.#blocksAt = this.#productsAt + 4 * BLOCK_ROWS;
    this.#blockBytes = BLOCK_ROWS * (this.#stride + SKETCH_BYTES + 1);
    this.#kernel = createKernel(Math.ceil(this.#blocksAt / PAGE));
  }

  /** Number of faces. */
  get size(): number {
    return this.#faces.length;
  }

  /** Number of people with a face. */
  get people(): number {
    return this.#persons.size;
  }

  /** Puts a face in; one of the same id is replaced. */
  add(face: string, person: string, { scale, values }: Embedding): void {
    this.#check(values.length);
    const known = this.#rowOf.get(face);
    const row = known ?? this.size;
    if (known !== undefined) this.#persons.release(this.#personOf[known]!);
    this.#reserve(row + 1);
    const { start, sketch } = this.#place(row);
    writeRow(values, new Uint8Array(this.#kernel.memory.buffer), start);
    this.#sketch(values, sketch);
    this.#scaleOf[row] = scale;
    this.#faces[row] = face;
    this.#personOf[row] = this.#persons.take(person);
    this.#rowOf.set(face, row);
  }

  /** False when there is no such face. */
  remove(face: string): boolean {
    const row = this.#rowOf.get(face);
    if (row === undefined) return false;
    this.#persons.release(this.#personOf[row]!);
    // The last row takes the place of the removed one.
    const last = this.size - 1;
    const [from, to] = [this.#place(last), this.#place(row)];
    const bytes = new Uint8Array(this.#kernel.memory.buffer);
    bytes.copyWithin(to.start, from.start, from.start + this.#stride);
    copySketch(bytes, from.sketch, to.sketch);
    this.#scaleOf[row] = this.#scaleOf[last]!;
    this.#personOf[row] = this.#personOf[last]!;
    this.#faces[row] = this.#faces[last]!;
    this.#rowOf.set(this.#faces[row], row);
    this.#rowOf.delete(face);
    this.#faces.pop();
    return true;
  }

  /**
   * The most similar face; null while there is none.
   * @param embedding of length 1
   * @param counts leaves people out
   */
  search(embedding: Float32Array, counts: (person: string) => boolean = () => true): Match | null {
    this.#check(embedding.length);
    const unit = writeQuery(embedding, new DataView(this.#kernel.memory.buffer, 0, this.#querySketchAt));
    const best = new BestTwo(person => counts(this.#persons.nameOf(person)));
    if (this.size < this.#lookFrom) this.#compareAll(unit, best);
    else {
      const near = this.#look(embedding);
      this.#compareNear(near, unit, best);
      const reach = reachOf(best.other);
      if (reach > near) this.#compareNear(reach, unit, best);
    }
    const { row, person, similarity, other } = best;
    if (row < 0) return null;
    const margin = other === Number.NEGATIVE_INFINITY ? null : similarity - other;
    return { person: this.#persons.nameOf(person), face: this.#faces[row]!, similarity, margin };
  }

  #compareAll(unit: number, best: BestTwo): void {
    for (let first = 0; first < this.size; first += BLOCK_ROWS) {
      const count = Math.min(BLOCK_ROWS, this.size - first);
      for (let i = 0; i < count; i++) this.#listed[i] = first + i;
      this.#compareListed(count, unit, best);
    }
  }

  /** With the faces whose sketches are at most so far from the query's. */
  #compareNear(distance: number, unit: number, best: BestTwo): void {
    if (distance >= DISTANCES / 2) {
      this.#compareAll(unit, best);
      return;
    }
    const { buffer } = this.#kernel.memory;
    const above = EACH * (distance + 1);
    let listed = 0;
    for (let first = 0; first < this.size; first += BLOCK_ROWS) {
      const { distances, count } = this.#block(first);
      const each = new Uint8Array(buffer, distances, count);
      const fours = new Int32Array(buffer, distances, Math.ceil(count / 4));
      for (let i = 0; i < fours.length; i++) {
        const four = fours[i]!;
        // Whether one of four bytes is less: a difference below 0 that was not above 127 before.
        if (!((four - above) & ~four & HIGHEST)) continue;
        for (let row = 4 * i; row < Math.min(4 * i + 4, count); row++)
          if (each[row]! <= distance) this.#listed[listed++] = first + row;
        if (listed <= BLOCK_ROWS - 4) continue;
        this.#compareListed(listed, unit, best);
        listed = 0;
      }
    }
    this.#compareListed(listed, unit, best);
  }

  #compareListed(count: number, unit: number, best: BestTwo): void {
    if (count === 0) return;
    const { memory, multiply } = this.#kernel;
    const padded = Math.ceil(count / 4) * 4;
    const addresses = new Int32Array(memory.buffer, this.#listAt, padded);
    for (let i = 0; i < padded; i++) addresses[i] = this.#place(this.#listed[Math.min(i, count - 1)]!).start;
    multiply(this.#listAt, this.#listAt + 4 * padded, this.#stride, 0, this.#productsAt);
    const products = new Int32Array(memory.buffer, this.#productsAt, count);
    for (let i = 0; i < count; i++) {
      const row = this.#listed[i]!;
      const similarity = products[i]! * unit * this.#scaleOf[row]!;
      if (similarity > best.other) best.note(this.#personOf[row]!, row, similarity);
    }
  }

  /** Notes how far each face's sketch is from the query's; returns how far the nearest FIRST_SHARE of them are. */
  #look(embedding: Float32Array): number {
    const { memory, compare } = this.#kernel;
    this.#sketch(embedding, this.#querySketchAt);
    repeatSketch(new Uint8Array(memory.buffer), this.#querySketchAt);
    const histogram = new Uint32Array(DISTANCES);
    for (let first = 0; first < this.size; first += BLOCK_ROWS) {
      const { sketches, distances, count } = this.#block(first);
      const end = sketches + Math.ceil(count / LANES) * QUERY_SKETCH_BYTES;
      compare(sketches, end, this.#querySketchAt, distances);
      const found = new Uint8Array(memory.buffer, distances, count);
      for (let i = 0; i < count; i++) histogram[found[i]!]!++;
    }
    let distance = 0;
    for (let near = histogram[0]!; near < this.size * FIRST_SHARE; near += histogram[distance]!) distance++;
    return distance;
  }

  #sketch(values: Int8Array | Float32Array, target: number): void {
    const { memory, sketch } = this.#kernel;
    this.#spread.write(values, new Float32Array(memory.buffer, this.#placesAt, SKETCH_BITS));
    sketch(this.#placesAt, target);
  }

  /** undefined where there is no such face. */
  embeddingOf(face: string): Float32Array | undefined {
    const row = this.#rowOf.get(face);
    if (row === undefined) return undefined;
    const values = readRow(
      new Uint8Array(this.#kernel.memory.buffer),
      this.#place(row).start,
      this.dimensions,
    );
    return unpack({ scale: this.#scaleOf[row]!, values });
  }

  /** Cosine similarity to one face; undefined where there is no such face. */
  similarityTo(face: string, embedding: Float32Array): number | undefined {
    this.#check(embedding.length);
    return this.embeddingOf(face)?.reduce((sum, value, i) => sum + value * embedding[i]!, 0);
  }

  /** Where a block's columns begin, and how many faces it has. */
  #block(first: number) {
    const rows = this.#blocksAt + (first / BLOCK_ROWS) * this.#blockBytes;
    const sketches = rows + BLOCK_ROWS * this.#stride;
    const distances = sketches + BLOCK_ROWS * SKETCH_BYTES;
    return { rows, sketches, distances, count: Math.min(BLOCK_ROWS, this.size - first) };
  }

  /** Where a row and its sketch begin. */
  #place(row: number) {
    const within = row % BLOCK_ROWS;
    const { rows, sketches } = this.#block(row - within);
    return { start: rows + within * this.#stride, sketch: sketchOf(sketches, within) };
  }

  /** Pages that nothing was written to take no memory, so there may be many of them. */
  #reserve(rows: number): void {
    const { memory } = this.#kernel;
    const needed = this.#blocksAt + Math.ceil(rows / BLOCK_ROWS) * this.#blockBytes;
    const bytes = memory.buffer.byteLength;
    if (needed > bytes) memory.grow(Math.ceil(Math.max(needed - bytes, bytes / 4) / PAGE));
    if (rows > this.#personOf.length) {
      const length = Math.ceil(1.25 * rows);
      const [persons, scales] = [this.#personOf, this.#scaleOf];
      this.#personOf = new Int32Array(length);
      this.#personOf.set(persons);
      this.#scaleOf = new Float32Array(length);
      this.#scaleOf.set(scales);
    }
  }

  #check(length: number): void {
    if (length !== this.dimensions)
      throw new RangeError(`an embedding of ${length} numbers in an index of ${this.dimensions}`);
  }
}
