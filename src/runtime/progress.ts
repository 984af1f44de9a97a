/**
 * Whether work of one kind gets on: how long nothing of it has begun or ended while some was under way. Work that ends
 * badly has got on too.
 */
export class Progress {
  readonly #now: () => number;
  #underWay = 0;
  #movedAt: number;

  /** @param now ms of a clock that only goes forward */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#movedAt = now();
  }

  /** How many pieces. */
  get underWay(): number {
    return this.#underWay;
  }

  /** ms without a move; 0 while nothing is under way. */
  get stillMs(): number {
    return this.#underWay === 0 ? 0 : this.#now() - this.#movedAt;
  }

  /** ms since the last move; 0 while something is under way. */
  get restMs(): number {
    return this.#underWay === 0 ? this.#now() - this.#movedAt : 0;
  }

  async of<T>(work: () => Promise<T>): Promise<T> {
    this.#underWay++;
    this.#movedAt = this.#now();
    try {
      return await work();
    } finally {
      this.#underWay--;
      this.#movedAt = this.#now();
    }
  }
}
