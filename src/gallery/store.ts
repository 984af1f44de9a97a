import { Damaged } from '../core/errors.ts';
import type { Blobs } from '../ports.ts';
import { dueForJoining, type Held, heldBy, identityOf, pieces } from './compaction.ts';
import type { GalleryEvent } from './events.ts';
import { type Change, Gallery } from './gallery.ts';
import { decodeSegment, encodeSegment } from './segment.ts';

const HEAD = 'head';
const SEGMENTS = 'segments/';
/** Each of SEGMENT_BYTES at most. */
const PARALLEL_READS = 4;
/** Collected by itself, what is left over after reading so much takes several times its size. */
const COLLECT_BYTES = 8 * 1024 * 1024;

export interface GalleryStoreOptions {
  readonly blobs: Blobs;
  /** False forgets what is known of each face: a worker needs names and embeddings only. */
  readonly describes?: boolean;
  readonly onChange?: (change: Change) => void;
  /** Told of segments that cannot be read any more: what they hold is missing, all else is there. */
  readonly onDamaged?: (segment: string, error: unknown) => void;
  /** Makes a UUID of version 7. */
  readonly newId?: () => string;
  /** ms of a clock that only goes forward. */
  readonly now?: () => number;
}

interface Segment {
  readonly events: readonly GalleryEvent[];
  readonly bytes: number;
  readonly damaged: boolean;
}

/**
 * The gallery in the object store: immutable segments of events, and one small object, `head`, that every writer
 * overwrites after its segment. A reader compares `head` (one cheap request) and reads only what is new. No write is
 * conditional and nothing is locked, because events may be applied in any order and more than once.
 */
export class GalleryStore {
  readonly gallery: Gallery;
  readonly #options: GalleryStoreOptions;
  readonly #newId: () => string;
  /** What each segment read holds. */
  readonly #seen = new Map<string, Held>();
  readonly #now: () => number;
  #head: string | undefined;
  /** When the last refresh that succeeded began, ms. */
  #freshAt = Number.NEGATIVE_INFINITY;
  #erasureDue = false;
  #running: Promise<void> | undefined;
  #queued: Promise<void> | undefined;

  constructor(options: GalleryStoreOptions) {
    this.#options = options;
    this.gallery = new Gallery(options.describes);
    this.#newId = options.newId ?? Bun.randomUUIDv7;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * Brings in everything that was appended, by anybody, before this call. Concurrent calls share the work.
   * @param oldMs nothing is done if the last refresh was no longer ago than this
   */
  refresh(oldMs = 0): Promise<void> {
    if (oldMs > 0 && this.#now() - this.#freshAt <= oldMs) return Promise.resolve();
    if (!this.#running) return this.#start();
    this.#queued ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#queued = undefined;
        return this.#start();
      });
    return this.#queued;
  }

  /** Stores the events durably, applies them here, and lets every other reader know. */
  async append(events: readonly GalleryEvent[]): Promise<void> {
    const key = SEGMENTS + this.#newId();
    const segment = encodeSegment(events);
    await this.#options.blobs.put(key, segment);
    await this.#signal();
    this.#applyAll(events);
    this.#seen.set(key, heldBy(events, segment.length));
  }

  /**
   * Joins segments of like size where there are more than `many`, so that readers start fast, and rewrites those that hold
   * what was removed, so that it leaves the disk; all others stay as they are. Works on what was last refreshed. Safe at any
   * time and in several processes at once: it deletes only what the new segments hold. Removals older than `forgetBefore` (a
   * stamp) are forgotten where they are met. Resolves to the number of segments that were replaced.
   */
  async compact(forgetBefore = '', many?: number): Promise<number> {
    const stale = this.#erasureDue ? this.#stale() : [];
    this.#erasureDue = false;
    try {
      let joined = 0;
      for (const keys of [stale, ...dueForJoining(this.#seen, stale, many)]) {
        // While something removed is in another segment, its removal must not be forgotten.
        joined += await this.#join(keys, stale.length === 0 ? forgetBefore : '');
      }
      return joined;
    } catch (error) {
      this.#erasureDue ||= stale.length > 0;
      throw error;
    }
  }

  /** The segments that hold faces or people who are gone. */
  #stale(): string[] {
    const { gallery } = this;
    return [...this.#seen]
      .filter(
        ([, { faces, people }]) =>
          faces.some(face => !gallery.holds(face)) || people.some(id => gallery.nameOf(id) === undefined),
      )
      .map(([key]) => key);
  }

  async #join(keys: readonly string[], forgetBefore: string): Promise<number> {
    const { blobs } = this.#options;
    const needed = new Map<string, GalleryEvent>();
    const joined: string[] = [];
    for (const key of keys) {
      const segment = await this.#segment(key);
      // A damaged segment stays: somebody may be able to repair it.
      if (!segment || segment.damaged) continue;
      for (const event of segment.events) {
        const forgotten = 'at' in event && event.type !== 'person' && event.at <= forgetBefore;
        if (!forgotten && this.gallery.needs(event)) needed.set(identityOf(event), event);
      }
      joined.push(key);
    }
    if (joined.length === 0) return 0;
    for (const events of pieces([...needed.values()])) {
      const key = SEGMENTS + this.#newId();
      const segment = encodeSegment(events);
      await blobs.put(key, segment);
      this.#seen.set(key, heldBy(events, segment.length));
    }
    await this.#signal();
    for (const key of joined) {
      await blobs.delete(key);
      this.#seen.delete(key);
    }
    return joined.length;
  }

  /** How many segments there are, as far as read. */
  get segments(): number {
    return this.#seen.size;
  }

  /** Whether something was removed since the last compaction here, so that it may still be on disk. */
  get erasureDue(): boolean {
    return this.#erasureDue;
  }

  #start(): Promise<void> {
    this.#running = this.#readNew().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #readNew(): Promise<void> {
    const { blobs } = this.#options;
    const begunAt = this.#now();
    const stored = await blobs.get(HEAD);
    const head = stored && new TextDecoder().decode(stored.body);
    if (head === this.#head) {
      this.#freshAt = begunAt;
      return;
    }
    for (;;) {
      const known = [...this.#seen.keys()];
      const keys = new Set((await blobs.list(SEGMENTS)).map(info => info.key));
      if (await this.#read([...keys].filter(key => !this.#seen.has(key)))) {
        for (const key of known) if (!keys.has(key)) this.#seen.delete(key);
        break;
      }
    }
    this.#head = head;
    this.#freshAt = begunAt;
  }

  /** False when a segment was joined into another between the listing and the reading. */
  async #read(keys: readonly string[]): Promise<boolean> {
    let [read, all] = [0, 0];
    for (let at = 0; at < keys.length; at += PARALLEL_READS) {
      const batch = keys.slice(at, at + PARALLEL_READS);
      const segments = await Promise.all(batch.map(key => this.#segment(key)));
      for (const [i, segment] of segments.entries()) {
        if (!segment) return false;
        this.#applyAll(segment.events);
        this.#seen.set(batch[i]!, heldBy(segment.events, segment.bytes));
      }
      const bytes = segments.reduce(
        (sum, segment) => sum + (segment?.damaged === false ? segment.bytes : 0),
        0,
      );
      read += bytes;
      all += bytes;
      // The more there is already, the longer a collection takes.
      if (read > Math.max(COLLECT_BYTES, all / 8)) {
        Bun.gc(true);
        read = 0;
      }
    }
    return true;
  }

  /** undefined where there is no such segment any more; empty, and too large for any joining, where it is damaged. */
  async #segment(key: string): Promise<Segment | undefined> {
    const stored = await this.#options.blobs.get(key).catch(error => this.#tellDamaged(key, error));
    if (!stored || 'damaged' in stored) return stored;
    try {
      return { events: decodeSegment(stored.body), bytes: stored.body.length, damaged: false };
    } catch (error) {
      return this.#tellDamaged(key, error);
    }
  }

  #tellDamaged(key: string, error: unknown): Segment {
    if (!(error instanceof Damaged)) throw error;
    this.#options.onDamaged?.(key, error);
    return { events: [], bytes: Number.POSITIVE_INFINITY, damaged: true };
  }

  #applyAll(events: readonly GalleryEvent[]): void {
    for (const event of events) {
      if (event.type === 'person-removed') this.#erasureDue = true;
      for (const change of this.gallery.apply(event)) {
        if ('removed' in change) this.#erasureDue = true;
        this.#options.onChange?.(change);
      }
      if (event.type !== 'face' || this.gallery.holds(event.face)) continue;
      // It came after its removal: nobody will see it, and its embedding and photo are on disk.
      this.#erasureDue = true;
      this.#options.onChange?.({ removed: event.face });
    }
  }

  async #signal(): Promise<void> {
    await this.#options.blobs.put(HEAD, new TextEncoder().encode(this.#newId()));
  }
}
