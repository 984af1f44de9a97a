import { type Accepted, acceptedOf, isContinued, parseAccepted } from '../core/accepted.ts';
import { messageOf } from '../core/errors.ts';
import type { AcceptedCount } from '../core/scaling/types.ts';
import type { BlobInfo, Blobs, Log } from '../ports.ts';
import { within } from '../runtime/time.ts';

export interface AcceptedReaderOptions {
  readonly output: Blobs;
  readonly fleetName: string;
  readonly log: Log;
  /** ms of a clock that only goes forward. */
  readonly monotonic?: () => number;
  /** ms since the epoch, by the fleet's clock. */
  readonly now: () => number;
}

/** Between looks for web servers that are new, s; sooner where none is known. */
const LIST_SECONDS = 60;
const FIRST_LIST_SECONDS = 15;
/** Between tries where they cannot be read, s. */
const REST_SECONDS = 15;
/** A decision waits no longer for them, ms. */
const PATIENCE_MS = 2_000;
/** What began within this time is counted from its beginning, ms. */
const YOUNG_MS = 60_000;
/** Web servers tell three times in this time, if only that they are there. */
const FORGOTTEN_MS = 1_800_000;
/** More web servers than that are not asked each second. */
const MOST = 20;

type Told = ReadonlyMap<string, Accepted>;

/**
 * Reads what the web servers tell of the photos that they have accepted, and sums it up. Whatever breaks the count (one
 * comes, goes, starts again, tells late) begins a new one: what is not known to be new does not count as arrived.
 */
export class AcceptedReader {
  readonly #options: AcceptedReaderOptions;
  readonly #prefix: string;
  readonly #monotonic: () => number;
  /** When each was last written, by key. */
  #listed: ReadonlyMap<string, number> = new Map();
  #told: Told = new Map();
  #sum: AcceptedCount = { count: 0, since: null, basis: 0 };
  #listedAt = Number.NEGATIVE_INFINITY;
  #restsUntil = Number.NEGATIVE_INFINITY;
  #failing = false;
  #old: readonly string[] = [];

  constructor(options: AcceptedReaderOptions) {
    this.#options = options;
    this.#prefix = acceptedOf(options.fleetName);
    this.#monotonic = options.monotonic ?? (() => performance.now());
  }

  /** undefined where nobody tells, and where it cannot be read. Never rejects, and does not wait for long. */
  async read(): Promise<AcceptedCount | undefined> {
    const { log } = this.#options;
    if (this.#monotonic() < this.#restsUntil) return undefined;
    try {
      const told = await within(PATIENCE_MS, signal => this.#look(signal));
      this.#failing = false;
      return this.#add(told);
    } catch (error) {
      const advice = 'arrivals are told from the queue’s own counts, which are later';
      if (!this.#failing) log.warn('accepted-error', { error: messageOf(error), advice });
      this.#failing = true;
      this.#restsUntil = this.#monotonic() + REST_SECONDS * 1000;
      return undefined;
    }
  }

  /** Deletes what web servers that are gone have left behind. */
  async sweep(): Promise<void> {
    const { output, log } = this.#options;
    const old = this.#old;
    this.#old = [];
    await Promise.all(old.map(key => output.delete(key))).catch(error =>
      log.warn('accepted-error', { error: messageOf(error) }),
    );
  }

  async #look(signal: AbortSignal): Promise<Told> {
    const pause = this.#told.size > 0 ? LIST_SECONDS : FIRST_LIST_SECONDS;
    if (this.#monotonic() - this.#listedAt >= pause * 1000) await this.#list();
    const keys = [...this.#listed.keys()];
    if (keys.length > MOST) return new Map();
    const stored = await Promise.all(keys.map(key => this.#options.output.get(key, { signal })));
    const told = new Map<string, Accepted>();
    for (const [i, key] of keys.entries()) {
      const accepted = stored[i] && parseAccepted(stored[i].body);
      if (accepted) told.set(key, accepted);
    }
    return told;
  }

  async #list(): Promise<void> {
    const { output, now } = this.#options;
    const at = this.#monotonic();
    const all = await output.list(this.#prefix);
    const isOld = ({ modifiedAt }: BlobInfo) => now() - modifiedAt > FORGOTTEN_MS;
    this.#old = all.filter(isOld).map(({ key }) => key);
    const fresh = all.filter(info => !isOld(info));
    this.#listed = new Map(fresh.map(({ key, modifiedAt }) => [key, modifiedAt]));
    this.#listedAt = at;
  }

  #add(told: Told): AcceptedCount | undefined {
    const before = this.#told;
    this.#told = told;
    const continued =
      told.size === before.size &&
      [...told].every(([key, accepted]) => isContinued(before.get(key), accepted));
    const { count, since, basis } = this.#sum;
    const more = total(told) - total(before);
    if (continued) this.#sum = { count: count + more, since, basis };
    else
      this.#sum = { ...(basis === 0 ? this.#beginning(told) : { count: 0, since: null }), basis: basis + 1 };
    return told.size > 0 ? this.#sum : undefined;
  }

  /** At the first look: all that they have ever told is new where all have only just begun. */
  #beginning(told: Told): Omit<AcceptedCount, 'basis'> {
    const now = this.#options.now();
    const ages = [...told].map(([key, { at, startedAt }]) => {
      const sinceTold = now - this.#listed.get(key)!;
      return at < startedAt ? Number.POSITIVE_INFINITY : at - startedAt + Math.max(0, sinceTold);
    });
    const age = Math.max(...ages);
    return age < YOUNG_MS ? { count: total(told), since: Math.round(now - age) } : { count: 0, since: null };
  }
}

function total(told: Told): number {
  return told.values().reduce((sum, { count }) => sum + count, 0);
}
