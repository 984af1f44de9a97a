import { renameSync, unlinkSync } from 'node:fs';
import { link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Damaged } from '../../core/errors.ts';
import type { BlobInfo, Blobs, PutOptions, StoredBlob } from '../../ports.ts';
import { syncDirectory, writeDurably } from './durable.ts';
import { ProcessLock } from './lock.ts';
import { type Place, placeOf, placeOfPrefix, sha256, shards } from './names.ts';
import { encodeHeader, type Header, readHeader, readHeaderSync, readObject } from './objectFile.ts';
import { requireRoom } from './room.ts';

export interface LocalBlobsOptions {
  readonly now?: () => number;
  /** Whether puts are refused while there is still some room on the disk; see `requireRoom`. */
  readonly leaveRoom?: boolean;
  /** Told the name of each file that is no object any more, which `list` leaves out; once each. */
  readonly onDamaged?: (file: string) => void;
}

/** Files that a killed process left half written are removed at that age, ms. */
const leftoverAgeMs = 3_600_000;
/** Headers read at once by `list`. */
const readsAtOnce = 32;

/**
 * An object store in a directory: one file an object, complete or absent at any moment, whoever is killed. A new object
 * is written under `tmp/`, made durable, and only then given its name.
 *
 * Conditional puts and deletes are atomic among all processes. A put without a condition is not ordered against a
 * concurrent `ifMatch`: write a key in one way or the other.
 */
export class LocalBlobs implements Blobs {
  readonly #directory: string;
  readonly #lock: ProcessLock;
  readonly #now: () => number;
  readonly #leaveRoom: boolean;
  readonly #onDamaged: (file: string) => void;
  readonly #damaged = new Set<string>();

  private constructor(directory: string, lock: ProcessLock, options: LocalBlobsOptions) {
    this.#directory = directory;
    this.#lock = lock;
    this.#now = options.now ?? Date.now;
    this.#leaveRoom = options.leaveRoom ?? false;
    this.#onDamaged = options.onDamaged ?? (() => {});
  }

  /** Makes the directory when missing, and removes what killed processes left in it. */
  static async open(directory: string, options: LocalBlobsOptions = {}): Promise<LocalBlobs> {
    const temporary = join(directory, 'tmp');
    await mkdir(temporary, { recursive: true, mode: 0o700 });
    await Promise.all(shards.map(shard => mkdir(join(directory, shard), { recursive: true, mode: 0o700 })));
    await syncDirectory(directory);
    await sweep(temporary, Date.now() - leftoverAgeMs);
    return new LocalBlobs(directory, new ProcessLock(join(directory, 'lock')), options);
  }

  /** Rejects with the system's error when the disk is full; nothing of the object is left then. */
  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<string | undefined> {
    const { contentType, ifAbsent = false, ifMatch } = options;
    if (ifAbsent && ifMatch !== undefined) throw new TypeError('ifAbsent and ifMatch exclude each other');
    const place = placeOf(key);
    if (this.#leaveRoom) await requireRoom(this.#directory, body.length);
    const etag = sha256(body);
    const modifiedAt = this.#now();
    const header = {
      key,
      size: body.length,
      etag,
      modifiedAt,
      ...(contentType !== undefined && { contentType }),
    };
    const temporary = join(this.#directory, 'tmp', crypto.randomUUID());
    await writeDurably(temporary, Buffer.concat([encodeHeader(header), body]));
    if (!(await this.#name(temporary, this.#file(place), options))) return undefined;
    await syncDirectory(join(this.#directory, place.shard));
    return etag;
  }

  /** Rejects with an Error that names the file when it is damaged. */
  async get(key: string): Promise<StoredBlob | undefined> {
    const object = await readObject(this.#file(placeOf(key)));
    return object && { body: object.body, etag: object.header.etag };
  }

  /** Reads one shard of 256 when there is a `/` in the prefix, and every object's header otherwise. */
  async list(prefix: string, options: { readonly limit?: number } = {}): Promise<BlobInfo[]> {
    const within = placeOfPrefix(prefix);
    const files = await Promise.all(
      (within ? [within.shard] : shards).map(async shard => {
        const names = await readdir(join(this.#directory, shard));
        return names
          .filter(name => name.startsWith(within?.name ?? ''))
          .map(name => this.#file({ shard, name }));
      }),
    );
    const headers = await readHeaders(files.flat(), file => this.#tellDamaged(file));
    return headers
      .filter(({ key }) => key.startsWith(prefix))
      .map(({ key, size, modifiedAt }) => ({ order: Buffer.from(key), info: { key, size, modifiedAt } }))
      .sort((a, b) => Buffer.compare(a.order, b.order))
      .slice(0, options.limit)
      .map(({ info }) => info);
  }

  async delete(key: string): Promise<void> {
    const place = placeOf(key);
    // Under the lock, or a concurrent `ifMatch` that has just found its match would bring the object back.
    if (this.#lock.hold(() => unlinkIfThere(this.#file(place)))) {
      await syncDirectory(join(this.#directory, place.shard));
    }
  }

  /** To be called when no other call is under way. */
  async close(): Promise<void> {
    this.#lock.close();
  }

  /** Gives a written object its name where the condition holds, and removes it otherwise. */
  async #name(temporary: string, file: string, { ifAbsent, ifMatch }: PutOptions): Promise<boolean> {
    let renamed = false;
    try {
      if (ifAbsent) return await linkUnlessThere(temporary, file);
      if (ifMatch !== undefined) renamed = this.#renameIfMatch(temporary, file, ifMatch);
      else renamed = await rename(temporary, file).then(() => true);
      return renamed;
    } finally {
      if (!renamed) await rm(temporary, { force: true });
    }
  }

  #renameIfMatch(temporary: string, file: string, etag: string): boolean {
    return this.#lock.hold(() => {
      if (readHeaderSync(file)?.etag !== etag) return false;
      renameSync(temporary, file);
      return true;
    });
  }

  #tellDamaged(file: string): void {
    if (this.#damaged.has(file)) return;
    this.#damaged.add(file);
    this.#onDamaged(file);
  }

  #file({ shard, name }: Place): string {
    return join(this.#directory, shard, name);
  }
}

async function sweep(directory: string, olderThan: number): Promise<void> {
  for (const name of await readdir(directory)) {
    const file = join(directory, name);
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (mtimeMs < olderThan) await rm(file, { force: true });
  }
}

async function linkUnlessThere(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function unlinkIfThere(file: string): boolean {
  try {
    unlinkSync(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Objects deleted meanwhile are left out, and damaged ones. */
async function readHeaders(files: readonly string[], onDamaged: (file: string) => void): Promise<Header[]> {
  const headers: Header[] = [];
  const queue = files.values();
  const reader = async (): Promise<void> => {
    for (const file of queue) {
      const header = await readHeader(file).catch(error => {
        if (!(error instanceof Damaged)) throw error;
        onDamaged(file);
      });
      if (header) headers.push(header);
    }
  };
  await Promise.all(Array.from({ length: readsAtOnce }, reader));
  return headers;
}
