/** `bun run build`: writes `dist/facerec-{web,controller,worker}`, or `dist/arm64/…` with `--arch arm64`. */
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Program, programs } from '../src/variables.ts';
import { root } from './bundle.ts';
import { currentCommit } from './commit.ts';
import { type Component, componentsOf } from './components.ts';
import { buildExecutable } from './executable.ts';
import { type Arch, architectures } from './nativeAddons.ts';
import { packagesFor } from './packages.ts';

export interface Built {
  readonly program: Program;
  readonly file: string;
  readonly components: readonly Component[];
}

/** Writes the three executables to the directory, and lists of what went into them to `inputs/`. */
export async function build(arch: Arch, directory: string): Promise<Built[]> {
  const packages = await packagesFor(arch, join(root, 'dist', 'packages', arch));
  const commit = await currentCommit(root);
  const built: Built[] = [];
  for (const program of programs) {
    const target = { program, arch, packages, commit };
    const components = await componentsOf(target);
    const inputs = await buildExecutable(target, components, directory);
    await Bun.write(join(directory, 'inputs', `${program}.txt`), `${inputs.toSorted().join('\n')}\n`);
    const file = join(directory, `facerec-${program}`);
    console.log(`${file}  ${(statSync(file).size / 1e6).toFixed(1)} MB`);
    built.push({ program, file, components });
  }
  return built;
}

if (import.meta.main) {
  const options = { arch: { type: 'string', default: 'x64' }, out: { type: 'string' } } as const;
  const { arch: wanted, out } = parseArgs({ options }).values;
  const arch = architectures.find(name => name === wanted);
  if (arch === undefined) throw new Error(`--arch: expected ${architectures.join(' or ')}`);
  await build(arch, resolve(out ?? join(root, 'dist', arch === 'x64' ? '' : arch)));
}
