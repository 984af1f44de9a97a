import type { Blobs } from '../../ports.ts';
import { SharedDocument } from '../../runtime/document.ts';
import { within } from '../../runtime/time.ts';
import {
  createKey,
  isGood,
  type Key,
  type Keys,
  KeysSchema,
  keyIdOf,
  type NewKey,
  validKey,
} from './keys.ts';

/** A store that does not answer holds nobody up for longer, ms. */
const READ_MS = 3_000;
/** In the gallery's store, which nothing expires. */
const KEY = 'access/keys.json';
/** A key that was revoked by somebody else is good for that long at most, ms. */
const FRESH_MS = 2_000;
/** While the store is away, what was last read counts for that long, ms. */
const TRUSTED_MS = 30_000;
/** An unknown key is looked for in the store at once, but no more often than that, ms. */
const UNKNOWN_MS = 500;
const MAX_SESSIONS = 1_000;

export interface KeyringOptions {
  readonly store: Blobs;
  /** ms since the epoch. */
  readonly now?: () => number;
  /** ms of a clock that only goes forward. */
  readonly monotonic?: () => number;
}

/** The keys, as all web servers share them. */
export class Keyring {
  readonly #document: SharedDocument<Keys>;
  readonly #now: () => number;
  readonly #monotonic: () => number;
  #known: { readonly keys: Keys; readonly at: number } | undefined;
  #reading: Promise<Keys> | undefined;

  constructor({ store, now = Date.now, monotonic = () => performance.now() }: KeyringOptions) {
    this.#document = new SharedDocument<Keys>(store, KEY, KeysSchema, { v: 1, keys: [] });
    this.#now = now;
    this.#monotonic = monotonic;
  }

  /** Whether there was ever a key. Rejects when that cannot be told. */
  async isEmpty(): Promise<boolean> {
    return (await this.#keys(FRESH_MS)).keys.length === 0;
  }

  /** The key of this token, if it is good now. Rejects when that cannot be told. */
  async find(token: string): Promise<Key | undefined> {
    if (keyIdOf(token) === undefined) return undefined;
    const key = validKey(await this.#keys(FRESH_MS), token, this.#now());
    return key ?? validKey(await this.#keys(UNKNOWN_MS), token, this.#now());
  }

  /** Every key that is not a session, the oldest first. */
  async list(): Promise<Key[]> {
    const { keys } = await this.#document.read();
    return keys.filter(({ parent }) => parent === undefined);
  }

  /** Adds a key, and resolves to it and its token. */
  async create(wanted: Omit<NewKey, 'now'>): Promise<{ key: Key; token: string }> {
    const now = this.#now();
    const created = createKey({ ...wanted, now });
    await this.#change(({ keys, ...rest }) => {
      const sessions = keys.filter(key => key.parent !== undefined && isGood(keys, key, now));
      const kept = new Set(sessions.slice(1 - MAX_SESSIONS));
      return {
        ...rest,
        keys: [...keys.filter(key => key.parent === undefined || kept.has(key)), created.key],
      };
    });
    return created;
  }

  /** False when there is no such key that could still be used. */
  async revoke(id: string): Promise<boolean> {
    let found = false;
    await this.#change(now => {
      found = now.keys.some(key => key.id === id && key.revokedAt === undefined);
      if (!found) return now;
      const revoked = (key: Key) => (key.id === id ? { ...key, revokedAt: this.#now() } : key);
      return { ...now, keys: now.keys.map(revoked) };
    });
    return found;
  }

  async #change(change: (now: Keys) => Keys): Promise<void> {
    const at = this.#monotonic();
    this.#known = { keys: await this.#document.change(change), at };
  }

  async #keys(oldMs: number): Promise<Keys> {
    const known = this.#known;
    const age = known ? this.#monotonic() - known.at : Number.POSITIVE_INFINITY;
    if (known && age <= oldMs) return known.keys;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    const reading = this.#reading;
    try {
      return await within(READ_MS, () => reading);
    } catch (error) {
      if (known && age <= TRUSTED_MS) return known.keys;
      throw error;
    }
  }

  async #read(): Promise<Keys> {
    const at = this.#monotonic();
    const keys = await this.#document.read();
    this.#known = { keys, at };
    return keys;
  }
}
