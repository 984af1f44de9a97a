import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { jsonBytes } from '../core/json.ts';
import { RequestIdSchema } from '../core/messages.ts';
import type { Blobs } from '../ports.ts';
import { Problem } from './problem.ts';

/** Request ids begin with 0, too: what expires results expires these as well. */
const PREFIX = '0-idempotency/';
const KEPT_MS = 24 * 3_600_000;
/** Attempts against others who use the same key at the same moment. */
const TRIES = 10;

const RecordSchema = v.object({
  v: v.literal(1),
  /** Of the request that the first use made; for several, of the first. */
  id: RequestIdSchema,
  /** SHA-256 of what was sent. */
  content: v.string(),
  /** ms since the epoch. */
  at: v.number(),
});
type Record = v.InferOutput<typeof RecordSchema>;

export interface Use {
  /** As sent by the client, `Idempotency-Key`; undefined for none. */
  readonly key: string | undefined;
  /** Who sends it, and where to: the same key of somebody else is another one. */
  readonly scope: string;
  /** What was sent: all of this must be the same when the key is used again. */
  readonly content: readonly (string | Uint8Array)[];
  readonly newId: () => string;
  readonly now: () => number;
}

/**
 * The id for a request with this key: a new one, or that of the first request with the same key within 24 hours. It is
 * stored before anything is done, so that of many at the same time all get the same. What a `repeated` one asks for is to
 * be done again unless its result is there, since nobody knows how far the first one came; doing it twice does no harm.
 *
 * Throws a 422 problem where other content came with the key, as draft-ietf-httpapi-idempotency-key-header asks for.
 */
export async function idFor(store: Blobs, use: Use): Promise<{ id: string; repeated: boolean }> {
  if (use.key === undefined) return { id: use.newId(), repeated: false };
  const at = PREFIX + sha256([use.scope, checked(use.key)]);
  const content = sha256(use.content);
  for (let left = TRIES; left > 0; left--) {
    const stored = await store.get(at);
    const known = stored && parse(stored.body);
    if (known && known.at + KEPT_MS > use.now()) {
      if (known.content === content) return { id: known.id, repeated: true };
      throw new Problem('idempotency-key-reused', 'Send other content with another Idempotency-Key.');
    }
    const record: Record = { v: 1, id: use.newId(), content, at: use.now() };
    const condition = stored ? { ifMatch: stored.etag } : { ifAbsent: true };
    const body = jsonBytes(record);
    if ((await store.put(at, body, { contentType: 'application/json', ...condition })) !== undefined)
      return { id: record.id, repeated: false };
  }
  throw new Problem('idempotency-key-busy', 'Many use this Idempotency-Key just now. Try again.', {
    headers: { 'retry-after': '1' },
  });
}

/** A UUID of version 7 that is a function of another one and a number; of the same time. */
export function derivedId(base: string, n: number): string {
  const hex = sha256([base, String(n)]);
  const variant = '89ab'[Number.parseInt(hex[3]!, 16) % 4]!;
  return `${base.slice(0, 14)}7${hex.slice(0, 3)}-${variant}${hex.slice(4, 7)}-${hex.slice(8, 20)}`;
}

/** The key itself, whether sent as a string of structured fields (`"…"`) or bare. */
function checked(sent: string): string {
  const key = /^"(.*)"$/.exec(sent)?.[1] ?? sent;
  if (/^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(key)) return key;
  throw new Problem('invalid-idempotency-key', 'Send 1 to 255 printable ASCII characters, such as a UUID.');
}

function parse(body: Uint8Array): Record {
  return v.parse(v.pipe(v.string(), v.parseJson(), RecordSchema), new TextDecoder().decode(body));
}

/** Of pieces with their lengths, so that no two lists of pieces look the same. */
function sha256(pieces: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const piece of pieces) {
    const bytes = typeof piece === 'string' ? new TextEncoder().encode(piece) : piece;
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest('hex');
}
