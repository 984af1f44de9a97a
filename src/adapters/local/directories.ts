import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory } from './durable.ts';
import { lastTimeOf } from './names.ts';

/** A directory of ids is removed when it is empty and so old, ms: nothing new comes to it, or hardly ever. */
const oldMs = 86_400_000;
/** Each one that fails means that somebody has deleted the last object there in that moment. */
const TRIES = 20;

/** The directories of a store's objects, made when the first object comes. */
export class Directories {
  readonly #root: string;
  readonly #now: () => number;
  /** Those that are there durably, and that nobody removes. */
  readonly #there = new Set<string>();

  constructor(root: string, now: () => number) {
    this.#root = root;
    this.#now = now;
  }

  /** Does `work`, which names a file in the directory; that is there and durable by then, whoever removes it meanwhile. */
  async within<T>(directory: string, work: () => Promise<T>): Promise<T> {
    for (let left = TRIES; ; left--) {
      try {
        // Also this may find that somebody has removed what it has just made.
        if (!this.#there.has(directory)) await this.#make(directory);
        return await work();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || left === 0) throw error;
        this.#there.delete(directory);
      }
    }
  }

  /** Removes the directory of an object that was deleted where it is old, and was the last one's. */
  async tidy(directory: string): Promise<void> {
    if (!this.#isOld(directory)) return;
    for (let path = directory; path !== '.'; path = dirname(path)) {
      this.#there.delete(path);
      // Not empty, or gone: both are well.
      const removed = await rmdir(join(this.#root, path)).then(
        () => true,
        () => false,
      );
      if (!removed) return;
    }
  }

  /** Makes names in the directory durable; where somebody has removed it since, that it is gone. */
  async sync(directory: string): Promise<void> {
    for (let path = directory; ; path = dirname(path)) {
      try {
        return await syncDirectory(join(this.#root, path));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || path === '.') throw error;
      }
    }
  }

  /** Syncs also what somebody else has just made, and is still to make durable. */
  async #make(directory: string): Promise<void> {
    await mkdir(join(this.#root, directory), { recursive: true, mode: 0o700 });
    for (let path = directory; path !== '.' && !this.#there.has(path); path = dirname(path)) {
      await this.sync(dirname(path));
      if (!this.#isOld(directory)) this.#there.add(path);
    }
  }

  #isOld(directory: string): boolean {
    const time = lastTimeOf(directory);
    return time !== undefined && time < this.#now() - oldMs;
  }
}
