import { Damaged } from '../core/errors.ts';
import type { Blobs } from '../ports.ts';
import { decodeSegment, encodeSegment, type GalleryEvent } from './events.ts';
import { type Change, Gallery } from './gallery.ts';

const HEAD = 'head';
const SEGMENTS = 'segments/';
const PARALLEL_READS = 16;

export interface GalleryStoreOptions {
  readonly blobs: Blobs;
  /** False forgets embeddings once read: a web server needs names and ids only. */
  readonly keepEmbeddings: boolean;
  readonly onChange?: (change: Change) => void;
  /** Told of segments that cannot be read any more: what they hold is missing, all else is there. */
  readonly onDamaged?: (segment: string, error: unknown) => void;
  /** Makes a UUID of version 7. */
  readonly newId?: () => string;
}

/**
 * The gallery in the object store: immutable segments of events, and one small object, `head`, that every writer
 * overwrites after its segment. A reader compares `head` (one cheap request) and reads only what is new. No write is
 * conditional and nothing is locked, because events may be applied in any order and more than once.
 */
export class GalleryStore {
  readonly gallery = new Gallery();
  readonly #options: GalleryStoreOptions;
  readonly #newId: () => string;
  readonly #seen = new Set<string>();
  #head: string | undefined;
  #erasureDue = false;
  #running: Promise<void> | undefined;
  #queued: Promise<void> | undefined;

  constructor(options: GalleryStoreOptions) {
    this.#options = options;
    this.#newId = options.newId ?? Bun.randomUUIDv7;
  }

  /** Brings in everything that was appended, by anybody, before this call. Concurrent calls share the work. */
  refresh(): Promise<void> {
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
    await this.#options.blobs.put(key, encodeSegment(events));
    await this.#signal();
    this.#seen.add(key);
    this.#applyAll(events);
  }

  /**
   * Joins all segments into one, so that readers start fast and what was removed leaves the disk. Safe at any time and
   * in several processes at once: it deletes only what the new segment holds. Removals older than `forgetBefore`
   * (a stamp) are forgotten. Resolves to the number of segments joined.
   */
  async compact(forgetBefore = ''): Promise<number> {
    const { blobs } = this.#options;
    const keys = (await blobs.list(SEGMENTS)).map(info => info.key);
    const whole = new Gallery();
    const joined: string[] = [];
    for (const key of keys) {
      const events = await this.#eventsOf(key);
      // A damaged segment stays: somebody may be able to repair it.
      if (!events || events === 'damaged') continue;
      for (const event of events) whole.apply(event);
      joined.push(key);
    }
    if (joined.length === 0) return 0;
    await blobs.put(SEGMENTS + this.#newId(), encodeSegment(whole.events(forgetBefore)));
    await this.#signal();
    for (const key of joined) await blobs.delete(key);
    this.#erasureDue = false;
    return joined.length;
  }

  /** How many segments there are, as far as read. */
  get segments(): number {
    return this.#seen.size;
  }

  /** Whether something was removed since the last compaction here, so that its embedding is still on disk. */
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
    const stored = await blobs.get(HEAD);
    const head = stored && new TextDecoder().decode(stored.body);
    if (head === this.#head) return;
    for (;;) {
      const keys = (await blobs.list(SEGMENTS)).map(info => info.key);
      const fresh = keys.filter(key => !this.#seen.has(key));
      if (await this.#read(fresh)) {
        for (const key of this.#seen) if (!keys.includes(key)) this.#seen.delete(key);
        break;
      }
    }
    this.#head = head;
  }

  /** False when a segment was joined into another between the listing and the reading. */
  async #read(keys: readonly string[]): Promise<boolean> {
    for (let at = 0; at < keys.length; at += PARALLEL_READS) {
      const batch = keys.slice(at, at + PARALLEL_READS);
      const segments = await Promise.all(batch.map(key => this.#eventsOf(key)));
      for (const [i, events] of segments.entries()) {
        if (!events) return false;
        if (events !== 'damaged') this.#applyAll(events);
        this.#seen.add(batch[i]!);
      }
    }
    return true;
  }

  /** undefined where there is no such segment any more. */
  async #eventsOf(key: string): Promise<GalleryEvent[] | 'damaged' | undefined> {
    try {
      const segment = await this.#options.blobs.get(key);
      return segment && decodeSegment(segment.body);
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
      this.#options.onDamaged?.(key, error);
      return 'damaged';
    }
  }

  #applyAll(events: readonly GalleryEvent[]): void {
    for (const event of events) {
      const kept =
        event.type === 'face' && !this.#options.keepEmbeddings
          ? { ...event, embedding: new Float32Array(0) }
          : event;
      for (const change of this.gallery.apply(kept)) {
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
