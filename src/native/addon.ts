import { join } from 'node:path';
import { messageOf } from '../core/errors.ts';
import type { Bundle } from './bundle.ts';
import { fromCache, places } from './cache.ts';
import { returnBlocksFrom } from './libc.ts';
import { inMemory } from './memory.ts';

/**
 * The exports of a native add-on that the executable carries. The dynamic linker wants files: they are written once to a
 * private directory, checked at each start, and loaded from there; from memory where there is no such directory.
 * @throws Error with what failed at each place
 */
export function loadAddon(bundle: Bundle): unknown {
  // Photos and tensors; glibc would raise the limit by itself, and keep 10 MB more. It costs no time.
  returnBlocksFrom(128 * 1024);
  const attempts: [string, () => string][] = [
    ...places(process.env).map((place): [string, () => string] => [
      place.directory,
      () => join(fromCache(place, bundle), bundle.files.at(-1)!.path),
    ]),
    ['memory', () => inMemory(bundle)],
  ];
  const failures: string[] = [];
  for (const [where, prepare] of attempts) {
    try {
      const module = { exports: {} };
      process.dlopen(module, prepare());
      return module.exports;
    } catch (error) {
      failures.push(`${where}: ${messageOf(error)}`);
    }
  }
  const advice =
    'The machine must have libstdc++ and libgcc_s (Debian: libstdc++6), and glibc 2.28 or newer; set CACHE_DIRECTORY to a directory of your own.';
  throw new Error(`cannot load ${bundle.id}: ${failures.join('; ')}. ${advice}`);
}
