import { type Accepted, acceptedOf, parseAccepted } from '../core/accepted.ts';
import { messageOf } from '../core/errors.ts';
import type { AcceptedCount } from '../core/scaling/types.ts';
import type { BlobInfo, Blobs, Log } from '../ports.ts';

export interface AcceptedReaderOptions {
  readonly output: Blobs;
  readonly fleetName: string;
  readonly log: Log;
  /** ms of a clock that only goes forward. */
  readonly monotonic?: () => number;
  /** ms since the epoch, by the fleet's clock. */
  readonly now: () => number;
}

/** Between looks for web servers that are new, s. Until then the queue shows what they send. */
const LIST_SECONDS = 60;
/** Between tries where they cannot be read, s. */
const REST_SECONDS = 15;
/** What began within this time is counted from its beginning, s. */
const YOUNG_SECONDS = 60;
/** Web servers tell more often than that, if only that they are there. */
const FORGOTTEN_MS = 86_400_000;

/** Reads what the web servers tell of the photos that they have accepted, and sums it up. */
export class AcceptedReader {
  readonly #options: AcceptedReaderOptions;
  readonly #prefix: string;
  readonly #monotonic: () => number;
  /** What each told last, by key. */
  readonly #told = new Map<string, Accepted>();
  #total = 0;
  /** When all that is counted began, where that is known: ms since the epoch, by the fleet's clock. */
  #since: number | null = null;
  #known = false;
  #listedAt = Number.NEGATIVE_INFINITY;
  #restsUntil = Number.NEGATIVE_INFINITY;
  #failing = false;
  #old: readonly string[] = [];

  constructor(options: AcceptedReaderOptions) {
    this.#options = options;
    this.#prefix = acceptedOf(options.fleetName);
    this.#monotonic = options.monotonic ?? (() => performance.now());
  }

  /**
   * All that was accepted since the first look, or since the web servers began where that was just before; undefined
   * where nobody tells. Never rejects: what cannot be read stands still, and the queue shows it.
   */
  async read(): Promise<AcceptedCount | undefined> {
    const { log } = this.#options;
    if (this.#monotonic() < this.#restsUntil) return this.#sum();
    try {
      if (this.#monotonic() - this.#listedAt >= LIST_SECONDS * 1000) await this.#list();
      await Promise.all([...this.#told.keys()].map(key => this.#read(key)));
      this.#failing = false;
    } catch (error) {
      const advice = 'arrivals are told from the queue’s own counts, which are later';
      if (!this.#failing) log.warn('accepted-error', { error: messageOf(error), advice });
      this.#failing = true;
      this.#restsUntil = this.#monotonic() + REST_SECONDS * 1000;
    }
    return this.#sum();
  }

  /** Deletes what web servers that are gone have left behind. */
  async sweep(): Promise<void> {
    const old = this.#old;
    this.#old = [];
    await Promise.all(old.map(key => this.#options.output.delete(key)));
  }

  #sum(): AcceptedCount | undefined {
    return this.#known ? { count: this.#total, since: this.#since } : undefined;
  }

  async #list(): Promise<void> {
    const { output, now } = this.#options;
    const listed = await output.list(this.#prefix);
    this.#old = listed.filter(({ modifiedAt }) => now() - modifiedAt > FORGOTTEN_MS).map(({ key }) => key);
    const fresh = listed.filter(({ key }) => !this.#told.has(key) && !this.#old.includes(key));
    const begun = await Promise.all(fresh.map(info => this.#begin(info)));
    if (!this.#known && this.#told.size > 0) {
      this.#known = true;
      this.#since = begun.some(at => at === null) ? null : Math.min(...(begun as number[]));
    }
    this.#listedAt = this.#monotonic();
  }

  /** When it began to count, where that was a short time ago: then all of it is new. */
  async #begin({ key, modifiedAt }: BlobInfo): Promise<number | null> {
    const told = await this.#get(key);
    if (told === undefined) return null;
    const { now } = this.#options;
    const ageMs = Math.max(0, told.at - told.startedAt) + Math.max(0, now() - modifiedAt);
    this.#told.set(key, told);
    if (ageMs >= YOUNG_SECONDS * 1000) return null;
    this.#total += told.count;
    return Math.round(now() - ageMs);
  }

  async #read(key: string): Promise<void> {
    const told = await this.#get(key);
    const last = this.#told.get(key);
    if (told === undefined) this.#told.delete(key);
    // Of two under one name the later one is counted.
    if (told === undefined || last === undefined || told.startedAt < last.startedAt) return;
    const before = told.startedAt === last.startedAt ? last.count : 0;
    this.#total += Math.max(0, told.count - before);
    this.#told.set(key, told);
  }

  async #get(key: string): Promise<Accepted | undefined> {
    const stored = await this.#options.output.get(key);
    return stored && parseAccepted(stored.body);
  }
}
