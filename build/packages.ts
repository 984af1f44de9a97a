import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './bundle.ts';
import { hasAddons } from './components.ts';
import type { Arch } from './nativeAddons.ts';

/**
 * The node_modules folder with the native add-ons of a processor: the project's own for this machine's, for others one that
 * is installed into a directory of its own.
 */
export async function packagesFor(arch: Arch, directory: string): Promise<string> {
  const own = join(root, 'node_modules');
  if (hasAddons(own, arch)) return own;
  const packages = join(directory, 'node_modules');
  mkdirSync(join(directory, 'build'), { recursive: true });
  for (const path of ['package.json', 'bun.lock', 'bunfig.toml', 'build/empty-package'])
    cpSync(join(root, path), join(directory, path), { recursive: true });
  const install = ['install', '--production', '--frozen-lockfile', '--os=linux', `--cpu=${arch}`];
  const child = Bun.spawn([process.execPath, ...install], {
    cwd: directory,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if ((await child.exited) !== 0 || !hasAddons(packages, arch))
    throw new Error(`cannot install the packages for ${arch}`);
  return packages;
}
