import { createHash } from 'node:crypto';

/**
 * Where an object lies. Keys never become paths: of a key only the id of a request, or a plain first segment, is told by
 * the names, so that a listing finds what it wants by them; the rest is a hash.
 */
export interface Place {
  /** `t-<6 digits of the id>/<the next 2>`, `s-<first segment>`, or `s-` for all other keys. */
  readonly directory: string;
  /** `<id>.<hash of the key>`, or the hash alone. */
  readonly name: string;
}

/** Ids of requests are UUIDs of version 7, which begin with the time: 6 digits of it are 5 hours, 8 are 65 seconds. */
export const HOURS = 6;
export const MINUTE = 8;
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\/$/;
const PLAIN = /^[a-z0-9-]{1,64}\/$/;
const OF_IDS = /^t-([0-9a-f]{6})$/;
const OF_SEGMENT = /^s-([a-z0-9-]{1,64})$/;

/** The directory of keys whose first segment is neither an id nor plain, and of those without segments. */
export const OTHERS = 's-';

/** Throws a RangeError for what no object store takes: not 1 to 1,024 bytes of UTF-8, or with a NUL in it. */
export function placeOf(key: string): Place {
  const bytes = Buffer.byteLength(key);
  if (bytes < 1 || bytes > 1_024 || !key.isWellFormed() || key.includes('\0')) {
    throw new RangeError('a key is 1 to 1,024 bytes of well-formed UTF-8 without NUL');
  }
  const { directory, name } = segmentOf(key.slice(0, key.indexOf('/') + 1));
  return { directory, name: `${name}${sha256(key)}` };
}

/**
 * Where all keys with this prefix lie: in one directory, under names that begin with `name`. Undefined when the prefix ends
 * within the first segment: they may then be in several.
 */
export function placeOfPrefix(prefix: string): Place | undefined {
  const slash = prefix.indexOf('/');
  return slash < 0 ? undefined : segmentOf(prefix.slice(0, slash + 1));
}

/** What a directory holds: keys that begin with digits of an id, or with a segment; undefined for another one. */
export function contentOf(
  directory: string,
): { readonly digits: string } | { readonly segment: string } | undefined {
  const [, digits] = OF_IDS.exec(directory) ?? [];
  if (digits !== undefined) return { digits };
  const [, segment] = OF_SEGMENT.exec(directory) ?? [];
  return segment === undefined ? undefined : { segment: `${segment}/` };
}

/** The id in the name of an object. */
export function idOfName(name: string): string {
  return name.slice(0, name.indexOf('.'));
}

/** ms since the epoch of the last id whose objects lie in the directory; undefined where they have no ids. */
export function lastTimeOf(directory: string): number | undefined {
  const [, hours, minute] = /^t-([0-9a-f]{6})\/([0-9a-f]{2})$/.exec(directory) ?? [];
  return hours === undefined ? undefined : Number.parseInt(`${hours}${minute}ffff`, 16);
}

function segmentOf(segment: string): Place {
  const id = segment.slice(0, -1);
  if (ID.test(segment))
    return { directory: `t-${id.slice(0, HOURS)}/${id.slice(HOURS, MINUTE)}`, name: `${id}.` };
  return { directory: PLAIN.test(segment) ? `s-${id}` : OTHERS, name: '' };
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
