/** The best row, and the similarity of the best of another person. */
export class BestTwo {
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
