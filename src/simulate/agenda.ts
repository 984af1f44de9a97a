/** What is to happen, by time; what was planned first comes first at equal times. A binary heap. */
export class Agenda {
  readonly #at: number[] = [];
  readonly #order: number[] = [];
  readonly #what: (() => void)[] = [];
  #planned = 0;

  /** When the next thing happens; infinity when nothing is planned. */
  get next(): number {
    return this.#at[0] ?? Number.POSITIVE_INFINITY;
  }

  plan(at: number, what: () => void): void {
    const order = this.#planned++;
    let hole = this.#at.length;
    this.#at.push(at);
    this.#order.push(order);
    this.#what.push(what);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!this.#before(at, order, parent)) break;
      this.#move(parent, hole);
      hole = parent;
    }
    this.#set(hole, at, order, what);
  }

  /** Takes the next thing off the agenda. Only when `next` is finite. */
  take(): () => void {
    const first = this.#what[0]!;
    const at = this.#at.pop()!;
    const order = this.#order.pop()!;
    const what = this.#what.pop()!;
    const size = this.#at.length;
    if (size === 0) return first;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#before(this.#at[child + 1]!, this.#order[child + 1]!, child)) child++;
      if (this.#before(at, order, child)) break;
      this.#move(child, hole);
      hole = child;
    }
    this.#set(hole, at, order, what);
    return first;
  }

  #before(at: number, order: number, index: number): boolean {
    const other = this.#at[index]!;
    return at < other || (at === other && order < this.#order[index]!);
  }

  #move(from: number, to: number): void {
    this.#set(to, this.#at[from]!, this.#order[from]!, this.#what[from]!);
  }

  #set(index: number, at: number, order: number, what: () => void): void {
    this.#at[index] = at;
    this.#order[index] = order;
    this.#what[index] = what;
  }
}
