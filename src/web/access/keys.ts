import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import * as v from 'valibot';

/** What a key is good for. `admin` is good for everything. */
export const scopes = ['recognise', 'people', 'metrics', 'admin'] as const;
export type Scope = (typeof scopes)[number];

const time = v.pipe(v.number(), v.integer());

/** A key as it is stored: its token cannot be computed from it. Times are ms since the epoch. */
const KeySchema = v.object({
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{12}$/)),
  name: v.string(),
  scopes: v.pipe(v.array(v.picklist(scopes)), v.readonly()),
  /** SHA-256 of the token, hex. A token is random enough that no slow hash is needed. */
  hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  createdAt: time,
  expiresAt: v.optional(time),
  revokedAt: v.optional(time),
  /** Of a browser's session: the key that it was opened with, and ends with. */
  parent: v.optional(v.string()),
});
export type Key = v.InferOutput<typeof KeySchema>;

/** All keys there ever were but for ended sessions: a server whose keys are all revoked is not an open one. */
export const KeysSchema = v.object({ v: v.literal(1), keys: v.pipe(v.array(KeySchema), v.readonly()) });
export type Keys = v.InferOutput<typeof KeysSchema>;

export interface NewKey {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly now: number;
  /** ms since the epoch. */
  readonly expiresAt?: number | undefined;
  readonly parent?: string;
}

/** A key, and the token that is shown once. */
export function createKey({ now, expiresAt, parent, ...rest }: NewKey): { key: Key; token: string } {
  const id = randomBytes(6).toString('hex');
  const token = `facerec_${id}_${randomBytes(32).toString('base64url')}`;
  const optional = { ...(expiresAt !== undefined && { expiresAt }), ...(parent !== undefined && { parent }) };
  return { key: { id, ...rest, hash: sha256(token).toString('hex'), createdAt: now, ...optional }, token };
}

/** The id in a token; undefined for what is none. */
export function keyIdOf(token: string): string | undefined {
  return /^facerec_([0-9a-f]{12})_[\w-]{43}$/.exec(token)?.[1];
}

/** The key of this token, if it is good now. */
export function validKey({ keys }: Keys, token: string, now: number): Key | undefined {
  const id = keyIdOf(token);
  const key = keys.find(candidate => candidate.id === id);
  // Compared in constant time, and also where there is no such key.
  const same = timingSafeEqual(sha256(token), Buffer.from(key?.hash ?? '0'.repeat(64), 'hex'));
  return key && same && isGood(keys, key, now) ? key : undefined;
}

/** Whether the key is neither revoked nor expired, nor the one that opened it. */
export function isGood(keys: readonly Key[], key: Key, now: number): boolean {
  if (key.revokedAt !== undefined || (key.expiresAt ?? Number.POSITIVE_INFINITY) <= now) return false;
  if (key.parent === undefined) return true;
  const parent = keys.find(({ id }) => id === key.parent);
  return parent !== undefined && parent.parent === undefined && isGood(keys, parent, now);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
