import type { GalleryEvent } from './events.ts';

/** What a segment holds, as far as it matters for joining it with others. */
export interface Held {
  readonly bytes: number;
  /** Ids of the faces in it, */
  readonly faces: readonly string[];
  /** and of the people named in it. */
  readonly people: readonly string[];
}

/** Segments are not made larger: 7,000 faces of 512 numbers. */
export const SEGMENT_BYTES = 4 * 1024 * 1024;

/** Segments of fewer bytes than this are joined with each other, not with larger ones; so each face is rewritten three times at most or so. */
const TIERS = [64 * 1024, 1024 * 1024, SEGMENT_BYTES / 2] as const;
/** More segments than this of one size are joined: one new face makes a segment of the least size. */
const MANY = [32, 8, 8] as const;

/** Groups of segments, by key, each of which should become one; without those in `except`. */
export function dueForJoining(
  segments: ReadonlyMap<string, Held>,
  except: readonly string[],
  many: number = Number.POSITIVE_INFINITY,
): string[][] {
  const out = new Set(except);
  return TIERS.map((limit, tier) => {
    const keys = [...segments]
      .filter(([key, { bytes }]) => bytes < limit && bytes >= (TIERS[tier - 1] ?? 0) && !out.has(key))
      .map(([key]) => key);
    return keys.length > Math.min(many, MANY[tier]!) ? keys : [];
  });
}

export function heldBy(events: readonly GalleryEvent[], bytes: number): Held {
  return {
    bytes,
    faces: events.flatMap(event => (event.type === 'face' ? [event.face] : [])),
    people: events.flatMap(event => (event.type === 'person' ? [event.person] : [])),
  };
}

/** Two events of one identity say the same, once the gallery needs both. */
export function identityOf(event: GalleryEvent): string {
  return `${event.type} ${'face' in event ? event.face : event.person}`;
}

/** Header and columns of an event, without its embedding; roughly. */
const EVENT_BYTES = 160;

/** Events in portions for one segment each. */
export function pieces(events: readonly GalleryEvent[], bytes = SEGMENT_BYTES): GalleryEvent[][] {
  const all: GalleryEvent[][] = [];
  let left = 0;
  for (const event of events) {
    const size = EVENT_BYTES + (event.type === 'face' ? event.embedding.values.length : 0);
    if (size > left) {
      all.push([]);
      left = bytes;
    }
    all.at(-1)!.push(event);
    left -= size;
  }
  return all;
}
