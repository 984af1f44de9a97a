/** Growing pauses between tries of something that keeps failing: doubled from `first` to `most`, in ms. */
export class Backoff {
  readonly #first: number;
  readonly #most: number;
  #next: number;

  constructor(first: number, most: number) {
    this.#first = first;
    this.#most = most;
    this.#next = first;
  }

  /** The pause to make now. */
  next(): number {
    const pause = this.#next;
    this.#next = Math.min(this.#most, 2 * pause);
    return pause;
  }

  /** Whether the last try failed. */
  get failing(): boolean {
    return this.#next !== this.#first;
  }

  reset(): void {
    this.#next = this.#first;
  }
}
