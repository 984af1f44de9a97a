import type { Bundle } from './bundle.ts';
import { writeOut } from './cache.ts';
import { loadLibrary, memoryFile } from './libc.ts';

/**
 * Loads the bundle's libraries from memory, where no directory will do, and returns the path of its add-on. Costs as much
 * memory as the files are long. The descriptors stay open: the dynamic linker knows the libraries by these paths, and a
 * number given again would be taken for the library loaded before.
 */
export function inMemory(bundle: Bundle): string {
  const paths = bundle.files.map(file => {
    const fd = memoryFile(file.path);
    writeOut(fd, file);
    return `/proc/self/fd/${fd}`;
  });
  const addon = paths.pop();
  if (addon === undefined) throw new Error(`${bundle.id} holds no file`);
  for (const path of paths) loadLibrary(path);
  return addon;
}
