import { createHash } from 'node:crypto';

/** Where an object lies. Keys never become paths: both names are hashes. */
export interface Place {
  /** One of 256 directories, chosen by the first segment of the key. */
  readonly shard: string;
  /** `<first segment>.<key>`, both hashed. */
  readonly name: string;
}

/** Throws a RangeError for what no object store takes: not 1 to 1,024 bytes of UTF-8, or with a NUL in it. */
export function placeOf(key: string): Place {
  const bytes = Buffer.byteLength(key);
  if (bytes < 1 || bytes > 1_024 || !key.isWellFormed() || key.includes('\0')) {
    throw new RangeError('a key is 1 to 1,024 bytes of well-formed UTF-8 without NUL');
  }
  const slash = key.indexOf('/');
  const { shard, name } = segmentOf(slash < 0 ? key : key.slice(0, slash + 1));
  return { shard, name: `${name}${sha256(key)}` };
}

/**
 * Where all keys with this prefix lie: in one shard, under names that begin with `name`. Undefined when the prefix ends
 * within the first segment: they may then be anywhere.
 */
export function placeOfPrefix(prefix: string): Place | undefined {
  const slash = prefix.indexOf('/');
  return slash < 0 ? undefined : segmentOf(prefix.slice(0, slash + 1));
}

export const shards: readonly string[] = Array.from({ length: 256 }, (_, i) =>
  i.toString(16).padStart(2, '0'),
);

function segmentOf(segment: string): Place {
  const hash = sha256(segment);
  return { shard: hash.slice(0, 2), name: `${hash.slice(0, 32)}.` };
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
