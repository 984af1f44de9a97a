import { type SetTimer, setTimer } from '../../runtime/time.ts';

export interface Window {
  /** How long the first item of a batch waits for others, ms. */
  readonly waitMs: number;
  /**
   * A batch that is not full waits until this long after the one before, ms: a lone call is not held up, and a steady
   * flow of them makes few requests.
   */
  readonly spacingMs: number;
}

export interface BatchOptions<Item, Value> {
  /** Does all of the items; each one's value or error stands in its place. A rejection is every item's. */
  run(items: readonly Item[]): Promise<readonly (Value | Error)[]>;
  readonly window: Window;
  /** What an item counts towards `mostBytes`; default 0. */
  readonly sizeOf?: (item: Item) => number;
  readonly mostBytes?: number;
  readonly timer?: SetTimer;
  /** Monotonic clock, ms. */
  readonly clock?: () => number;
}

interface Pending<Item, Value> {
  readonly item: Item;
  resolve(value: Value): void;
  reject(error: unknown): void;
}

/** SQS's own limit. */
const mostItems = 10;

/** Joins concurrent calls into batches: sent when full, or when the first call has waited long enough. */
export class Batch<Item, Value> {
  readonly #options: BatchOptions<Item, Value>;
  readonly #running = new Set<Promise<void>>();
  #pending: Pending<Item, Value>[] = [];
  #bytes = 0;
  #cancelTimer: (() => void) | undefined;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(options: BatchOptions<Item, Value>) {
    this.#options = options;
  }

  add(item: Item): Promise<Value> {
    const { sizeOf, mostBytes = Number.POSITIVE_INFINITY, timer = setTimer } = this.#options;
    const size = sizeOf?.(item) ?? 0;
    if (this.#bytes + size > mostBytes) this.flush();
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    this.#pending.push({ item, resolve, reject });
    this.#bytes += size;
    if (this.#pending.length === mostItems) this.flush();
    else this.#cancelTimer ??= timer(() => this.flush(), this.#waitMs());
    return promise;
  }

  /** Sends now what has been collected. */
  flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const group = this.#pending;
    if (group.length === 0) return;
    this.#pending = [];
    this.#bytes = 0;
    this.#lastAt = this.#clock();
    const running = this.#run(group).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Sends what has been collected and waits for it, and for what was under way. Never rejects. */
  async settle(): Promise<void> {
    this.flush();
    await Promise.all(this.#running);
  }

  #waitMs(): number {
    const { waitMs, spacingMs } = this.#options.window;
    return Math.max(waitMs, this.#lastAt + spacingMs - this.#clock());
  }

  #clock(): number {
    return (this.#options.clock ?? performance.now.bind(performance))();
  }

  async #run(group: readonly Pending<Item, Value>[]): Promise<void> {
    try {
      const outcomes = await this.#options.run(group.map(({ item }) => item));
      for (const [i, { resolve, reject }] of group.entries()) {
        const outcome = outcomes[i];
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome as Value);
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}
