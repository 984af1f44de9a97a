import { mkdir, readdir, rename, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory } from './durable.ts';
import { OTHERS, placeOf } from './names.ts';
import { readHeader } from './objectFile.ts';

const SHARD = /^[0-9a-f]{2}$/;
const movesAtOnce = 32;

/**
 * Moves objects from the 256 directories of an earlier layout, in which all names were hashes, to where `placeOf` looks for
 * them. Several processes may do so at the same time, and any may die: an object is in one place or the other, and nobody
 * is through with it before all have been moved.
 */
export async function moveFromOldShards(root: string): Promise<void> {
  const shards = (await readdir(root)).filter(name => SHARD.test(name));
  if (shards.length === 0) return;
  const made = new Set<string>();
  const moveOne = async (shard: string, name: string) => {
    const file = join(root, shard, name);
    const header = await readHeader(file).catch(() => 'damaged' as const);
    if (!header) return;
    // Of a damaged one the key is not known: it is kept where listings find it, and tell of it.
    const hash = name.slice(name.indexOf('.') + 1);
    const place = header === 'damaged' ? { directory: OTHERS, name: hash } : placeOf(header.key);
    if (!made.has(place.directory))
      await mkdir(join(root, place.directory), { recursive: true, mode: 0o700 });
    made.add(place.directory);
    // Another process may have been quicker.
    await rename(file, join(root, place.directory, place.name)).catch(unlessAbsent);
  };
  for (const shard of shards) {
    const names = (await readdir(join(root, shard)).catch(unlessAbsent)) ?? [];
    const queue = names.values();
    const mover = async () => {
      for (const name of queue) await moveOne(shard, name);
    };
    await Promise.all(Array.from({ length: movesAtOnce }, mover));
  }
  for (const directory of new Set([...made, ...[...made].map(dirname), '.']))
    await syncDirectory(join(root, directory));
  for (const shard of shards) await rmdir(join(root, shard)).catch(unlessAbsent);
}

function unlessAbsent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
