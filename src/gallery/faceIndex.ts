import { type Embedding, unpack } from '../core/embedding.ts';
import {
  BLOCK_ROWS,
  copyRow,
  createKernel,
  type Kernel,
  queryBytes,
  readRow,
  strideOf,
  writeQuery,
  writeRow,
} from './kernel.ts';

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

/**
 * Search in memory over L2-normalised embeddings of one model: each query compares with every face, so nobody is missed. The
 * embeddings are those of `pack`; a similarity is as exact as these.
 */
export class FaceIndex {
  readonly dimensions: number;
  readonly #stride: number;
  /** Where the query, a block's scores and the blocks lie in the kernel's memory. A block is its rows, then their scales. */
  readonly #scoresAt: number;
  readonly #blocksAt: number;
  readonly #blockBytes: number;
  readonly #kernel: Kernel;
  readonly #faces: string[] = [];
  readonly #rowOf = new Map<string, number>();
  /** Numbers of the persons of all rows. */
  #personOf = new Int32Array(BLOCK_ROWS);
  readonly #persons = new Persons();

  constructor(dimensions: number) {
    this.dimensions = dimensions;
    this.#stride = strideOf(dimensions);
    this.#scoresAt = queryBytes(this.#stride);
    this.#blocksAt = this.#scoresAt + 4 * BLOCK_ROWS;
    this.#blockBytes = BLOCK_ROWS * (this.#stride + 4);
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
    const { rows, scales, within } = this.#place(row);
    const { buffer } = this.#kernel.memory;
    writeRow(values, new Uint8Array(buffer), rows, within);
    new Float32Array(buffer, scales)[within] = scale;
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
    const { buffer } = this.#kernel.memory;
    copyRow(new Uint8Array(buffer), this.#stride, [from.rows, from.within], [to.rows, to.within]);
    new Float32Array(buffer, to.scales)[to.within] = new Float32Array(buffer, from.scales)[from.within]!;
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
    const { memory, score } = this.#kernel;
    const unit = writeQuery(embedding, new DataView(memory.buffer, 0, this.#scoresAt));
    const scores = new Float32Array(memory.buffer, this.#scoresAt, BLOCK_ROWS);
    const best = new BestTwo(person => counts(this.#persons.nameOf(person)));
    for (let first = 0; first < this.size; first += BLOCK_ROWS) {
      const count = Math.min(BLOCK_ROWS, this.size - first);
      const { rows, scales } = this.#place(first);
      score(rows, Math.ceil(count / 4) * 4, this.#stride, 0, scales, this.#scoresAt, unit);
      for (let i = 0; i < count; i++)
        if (scores[i]! > best.other) best.note(this.#personOf[first + i]!, first + i, scores[i]!);
    }
    const { row, person, similarity, other } = best;
    if (row < 0) return null;
    const margin = other === Number.NEGATIVE_INFINITY ? null : similarity - other;
    return { person: this.#persons.nameOf(person), face: this.#faces[row]!, similarity, margin };
  }

  /** undefined where there is no such face. */
  embeddingOf(face: string): Float32Array | undefined {
    const row = this.#rowOf.get(face);
    if (row === undefined) return undefined;
    const { rows, scales, within } = this.#place(row);
    const { buffer } = this.#kernel.memory;
    const scale = new Float32Array(buffer, scales)[within]!;
    return unpack({ scale, values: readRow(new Uint8Array(buffer), rows, within, this.dimensions) });
  }

  /** Cosine similarity to one face; undefined where there is no such face. */
  similarityTo(face: string, embedding: Float32Array): number | undefined {
    this.#check(embedding.length);
    return this.embeddingOf(face)?.reduce((sum, value, i) => sum + value * embedding[i]!, 0);
  }

  /** Where the rows and scales of a row's block begin, and which of them is the row's. */
  #place(row: number): { rows: number; scales: number; within: number } {
    const within = row % BLOCK_ROWS;
    const rows = this.#blocksAt + ((row - within) / BLOCK_ROWS) * this.#blockBytes;
    return { rows, scales: rows + BLOCK_ROWS * this.#stride, within };
  }

  /** Pages that nothing was written to take no memory, so there may be many of them. */
  #reserve(rows: number): void {
    const { memory } = this.#kernel;
    const needed = this.#blocksAt + Math.ceil(rows / BLOCK_ROWS) * this.#blockBytes;
    const bytes = memory.buffer.byteLength;
    if (needed > bytes) memory.grow(Math.ceil(Math.max(needed - bytes, bytes / 4) / PAGE));
    if (rows > this.#personOf.length) {
      const larger = new Int32Array(Math.ceil(1.25 * rows));
      larger.set(this.#personOf);
      this.#personOf = larger;
    }
  }

  #check(length: number): void {
    if (length !== this.dimensions)
      throw new RangeError(`an embedding of ${length} numbers in an index of ${this.dimensions}`);
  }
}

/** The best row, and the similarity of the best of another person. */
class BestTwo {
  readonly #counts: (person: number) => boolean;
  row = -1;
  person = -1;
  similarity = Number.NEGATIVE_INFINITY;
  other = Number.NEGATIVE_INFINITY;

  constructor(counts: (person: number) => boolean) {
    this.#counts = counts;
  }

  /** Of a row that is more similar than `other`. */
  note(person: number, row: number, similarity: number): void {
    if (person === this.person) {
      if (similarity <= this.similarity) return;
    } else {
      if (!this.#counts(person)) return;
      if (similarity <= this.similarity) {
        this.other = similarity;
        return;
      }
      this.other = this.similarity;
    }
    this.row = row;
    this.person = person;
    this.similarity = similarity;
  }
}

/** Numbers for people, given back when the last face of one is gone. */
class Persons {
  readonly #numberOf = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #faces: number[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#numberOf.size;
  }

  nameOf(number: number): string {
    return this.#names[number]!;
  }

  take(name: string): number {
    const number = this.#numberOf.get(name) ?? this.#free.pop() ?? this.#names.length;
    this.#numberOf.set(name, number);
    this.#names[number] = name;
    this.#faces[number] = (this.#faces[number] ?? 0) + 1;
    return number;
  }

  release(number: number): void {
    this.#faces[number]!--;
    if (this.#faces[number]! > 0) return;
    this.#numberOf.delete(this.#names[number]!);
    this.#free.push(number);
  }
}
