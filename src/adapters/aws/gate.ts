/** Lets so many calls run at once; the others wait for their turn, in order. */
export class Gate {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async pass<Value>(call: () => Promise<Value>): Promise<Value> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>(resolve => this.#waiting.push(resolve));
    try {
      return await call();
    } finally {
      // A turn is handed on, so that nobody overtakes.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
