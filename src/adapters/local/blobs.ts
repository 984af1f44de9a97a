import { renameSync, unlinkSync } from 'node:fs';
import { link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobInfo, Blobs, ListOptions, PutOptions, StoredBlob } from '../../ports.ts';
import { Directories } from './directories.ts';
import { syncDirectory, writeDurably } from './durable.ts';
import { ProcessLock } from './lock.ts';
import { type Place, placeOf, sha256 } from './names.ts';
import { encodeHeader, readHeaderSync, readObject } from './objectFile.ts';
import { listHeaders } from './objectList.ts';
import { moveFromOldShards } from './oldShards.ts';
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

/**
 * An object store in a directory: one file an object, complete or absent at any moment, whoever is killed. A new object
 * is written under `tmp/`, made durable, and only then given its name.
 *
 * Conditional puts and deletes are atomic among all processes. A put without a condition is not ordered against a
 * concurrent `ifMatch`: write a key in one way or the other.
 */
export class LocalBlobs implements Blobs {
  readonly #directory: string;
  readonly #directories: Directories;
  readonly #lock: ProcessLock;
  readonly #now: () => number;
  readonly #leaveRoom: boolean;
  readonly #onDamaged: (file: string) => void;
  readonly #damaged = new Set<string>();

  private constructor(directory: string, directories: Directories, options: LocalBlobsOptions) {
    this.#directory = directory;
    this.#directories = directories;
    this.#lock = new ProcessLock(join(directory, 'lock'));
    this.#now = options.now ?? Date.now;
    this.#leaveRoom = options.leaveRoom ?? false;
    this.#onDamaged = options.onDamaged ?? (() => {});
  }

  /** Makes the directory when missing, and removes what killed processes left in it. */
  static async open(directory: string, options: LocalBlobsOptions = {}): Promise<LocalBlobs> {
    const temporary = join(directory, 'tmp');
    await mkdir(temporary, { recursive: true, mode: 0o700 });
    await syncDirectory(directory);
    await sweep(temporary, Date.now() - leftoverAgeMs);
    await moveFromOldShards(directory);
    const directories = new Directories(directory, options.now ?? Date.now);
    return new LocalBlobs(directory, directories, options);
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
    if (!(await this.#name(temporary, place, options))) return undefined;
    await this.#directories.sync(place.directory);
    return etag;
  }

  /** Rejects with an Error that names the file when it is damaged. */
  async get(key: string): Promise<StoredBlob | undefined> {
    const object = await readObject(this.#file(placeOf(key)));
    return object && { body: object.body, etag: object.header.etag };
  }

  async list(prefix: string, options: ListOptions = {}): Promise<BlobInfo[]> {
    const headers = await listHeaders(this.#directory, prefix, options, file => this.#tellDamaged(file));
    return headers.map(({ key, size, modifiedAt }) => ({ key, size, modifiedAt }));
  }

  async delete(key: string): Promise<void> {
    const place = placeOf(key);
    // Under the lock, or a concurrent `ifMatch` that has just found its match would bring the object back.
    if (!this.#lock.hold(() => unlinkIfThere(this.#file(place)))) return;
    await this.#directories.sync(place.directory);
    await this.#directories.tidy(place.directory);
  }

  /** To be called when no other call is under way. */
  async close(): Promise<void> {
    this.#lock.close();
  }

  /** Gives a written object its name where the condition holds, and removes it otherwise. */
  async #name(temporary: string, place: Place, { ifAbsent, ifMatch }: PutOptions): Promise<boolean> {
    const file = this.#file(place);
    let renamed = false;
    try {
      // Where the match is, there is a directory.
      if (ifMatch !== undefined) renamed = this.#renameIfMatch(temporary, file, ifMatch);
      else if (ifAbsent)
        return await this.#directories.within(place.directory, () => linkUnlessThere(temporary, file));
      else {
        await this.#directories.within(place.directory, () => rename(temporary, file));
        renamed = true;
      }
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

  #file({ directory, name }: Place): string {
    return join(this.#directory, directory, name);
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
