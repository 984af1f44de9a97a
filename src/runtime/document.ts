import * as v from 'valibot';
import type { Blobs } from '../ports.ts';

/** Attempts of a change against others who change the same document; each loses to somebody who got through. */
const TRIES = 50;

/**
 * One small JSON object in a store that several processes change. Each change is made on what is stored now, and stored
 * only if nobody changed it meanwhile: none is lost.
 */
export class SharedDocument<T> {
  readonly #blobs: Blobs;
  readonly #key: string;
  readonly #schema: v.GenericSchema<unknown, T>;
  readonly #empty: T;

  /** @param empty what there is as long as nothing was stored */
  constructor(blobs: Blobs, key: string, schema: v.GenericSchema<unknown, T>, empty: T) {
    this.#blobs = blobs;
    this.#key = key;
    this.#schema = schema;
    this.#empty = empty;
  }

  /** Rejects when the store holds something else under the key. */
  async read(): Promise<T> {
    return (await this.#read()).value;
  }

  /** Stores what `change` makes of the document, and resolves to it; `change` may be called several times. */
  async change(change: (now: T) => T): Promise<T> {
    for (let left = TRIES; left > 0; left--) {
      const { value, etag } = await this.#read();
      const changed = change(value);
      if (changed === value) return value;
      const condition = etag === undefined ? { ifAbsent: true } : { ifMatch: etag };
      const body = new TextEncoder().encode(JSON.stringify(changed));
      const options = { contentType: 'application/json', ...condition };
      if ((await this.#blobs.put(this.#key, body, options)) !== undefined) return changed;
    }
    throw new Error(`${this.#key} is being changed by too many at once`);
  }

  async #read(): Promise<{ value: T; etag: string | undefined }> {
    const stored = await this.#blobs.get(this.#key);
    if (!stored) return { value: this.#empty, etag: undefined };
    const schema = v.pipe(v.string(), v.parseJson(), this.#schema);
    const parsed = v.safeParse(schema, new TextDecoder().decode(stored.body));
    if (!parsed.success) throw new Error(`the store holds something else under ${this.#key}`);
    return { value: parsed.output, etag: stored.etag };
  }
}
