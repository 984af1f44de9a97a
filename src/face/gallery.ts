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

/** Exact search in memory over L2-normalised embeddings of one model: each query compares with every face. */
export class FaceIndex {
  readonly #dimensions: number;
  /** Row i holds the embedding of face i. */
  #rows: Float32Array;
  readonly #faces: string[] = [];
  readonly #persons: string[] = [];
  readonly #rowOf = new Map<string, number>();

  constructor(dimensions: number) {
    this.#dimensions = dimensions;
    this.#rows = new Float32Array(16 * dimensions);
  }

  /** Number of faces. */
  get size(): number {
    return this.#faces.length;
  }

  /** Puts a face in; one of the same id is replaced. */
  add(faceId: string, personId: string, embedding: Float32Array): void {
    this.#check(embedding);
    const row = this.#rowOf.get(faceId) ?? this.size;
    if ((row + 1) * this.#dimensions > this.#rows.length) {
      const larger = new Float32Array(2 * this.#rows.length);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    this.#rows.set(embedding, row * this.#dimensions);
    this.#faces[row] = faceId;
    this.#persons[row] = personId;
    this.#rowOf.set(faceId, row);
  }

  /** False when there is no such face. */
  remove(faceId: string): boolean {
    const row = this.#rowOf.get(faceId);
    if (row === undefined) return false;
    const last = this.size - 1;
    // The last row takes the place of the removed one.
    this.#rows.copyWithin(row * this.#dimensions, last * this.#dimensions, (last + 1) * this.#dimensions);
    this.#faces[row] = this.#faces[last]!;
    this.#persons[row] = this.#persons[last]!;
    this.#rowOf.set(this.#faces[row], row);
    this.#rowOf.delete(faceId);
    this.#faces.pop();
    this.#persons.pop();
    return true;
  }

  /** The most similar face; null while there is none. */
  match(embedding: Float32Array): Match | null {
    this.#check(embedding);
    let best = -1;
    let similarity = -Infinity;
    let other = -Infinity;
    for (let row = 0; row < this.size; row++) {
      const dot = this.#dot(embedding, row * this.#dimensions);
      if (dot > similarity) {
        if (best >= 0 && this.#persons[best] !== this.#persons[row]) other = similarity;
        best = row;
        similarity = dot;
      } else if (dot > other && this.#persons[best] !== this.#persons[row]) {
        other = dot;
      }
    }
    if (best < 0) return null;
    const margin = other === -Infinity ? null : similarity - other;
    return { person: this.#persons[best]!, face: this.#faces[best]!, similarity, margin };
  }

  /** Four sums at a time let the processor overlap the additions. */
  #dot(query: Float32Array, start: number): number {
    const rows = this.#rows;
    const length = query.length;
    let one = 0;
    let two = 0;
    let three = 0;
    let four = 0;
    let i = 0;
    for (; i + 3 < length; i += 4) {
      one += query[i]! * rows[start + i]!;
      two += query[i + 1]! * rows[start + i + 1]!;
      three += query[i + 2]! * rows[start + i + 2]!;
      four += query[i + 3]! * rows[start + i + 3]!;
    }
    for (; i < length; i++) one += query[i]! * rows[start + i]!;
    return one + two + three + four;
  }

  #check(embedding: Float32Array): void {
    if (embedding.length !== this.#dimensions) {
      throw new RangeError(`an embedding of ${embedding.length} numbers in an index of ${this.#dimensions}`);
    }
  }
}
