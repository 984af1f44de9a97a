interface Pending<Item> {
  readonly item: Item;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Group commit: the calls of one turn of the event loop become one transaction. A commit blocks the loop, so that what
 * arrives meanwhile waits for the next turn and is joined there: the busier the process, the larger the groups.
 */
export class Batch<Item> {
  readonly #commit: (items: readonly Item[]) => void;
  #pending: Pending<Item>[] = [];

  /** `commit` does all of its items or throws having done none. */
  constructor(commit: (items: readonly Item[]) => void) {
    this.#commit = commit;
  }

  /** Resolves when the item is committed; rejects with what the commit threw. */
  add(item: Item): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (this.#pending.push({ item, resolve, reject }) === 1) setImmediate(() => this.flush());
    return promise;
  }

  /** Commits now what has been collected. Never throws: failures reject the calls. */
  flush(): void {
    const group = this.#pending;
    if (group.length === 0) return;
    this.#pending = [];
    try {
      this.#commit(group.map(({ item }) => item));
    } catch (error) {
      for (const { reject } of group) reject(error);
      return;
    }
    for (const { resolve } of group) resolve();
  }
}
