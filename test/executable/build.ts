import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Program } from '../../src/variables.ts';

/** Milliseconds for what builds: far more than it takes anywhere. */
export const BUILDING = 600_000;

export const root = join(import.meta.dir, '..', '..');

/** What the executables are made of. */
function* sources(path: string): Generator<string> {
  if (statSync(join(root, path)).isFile()) yield path;
  else for (const name of readdirSync(join(root, path)).sort()) yield* sources(join(path, name));
}

function fingerprint(): string {
  const hash = new Bun.CryptoHasher('sha256').update(Bun.version);
  for (const top of ['build', 'src', 'package.json', 'bun.lock', 'LICENSE'])
    for (const path of sources(top)) hash.update(`${path}\n`).update(readFileSync(join(root, path)));
  return hash.digest('hex').slice(0, 16);
}

/** Runs `build/build.ts` of a copy of the project, or of this one. Throws with its output where it fails. */
export function build(out: string, words: readonly string[] = [], project = root): void {
  const command = [process.execPath, join(project, 'build', 'build.ts'), '--out', out, ...words];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: project });
  if (exitCode !== 0) throw new Error(`build failed:\n${stdout}${stderr}`);
}

/** The directory of the executables to test: FACEREC_TEST_PROGRAMS, or what these sources give, built once. */
export function executables(arch: 'x64' | 'arm64' = 'x64'): string {
  const given = process.env.FACEREC_TEST_PROGRAMS;
  if (given && arch === 'x64') return resolve(given);
  const cache = join(tmpdir(), 'facerec-test-executables');
  const directory = join(cache, `${fingerprint()}-${arch}`);
  if (existsSync(directory)) return directory;
  // Those of older sources: each takes 400 MB.
  if (existsSync(cache))
    for (const name of readdirSync(cache)) {
      const old = join(cache, name);
      if (Date.now() - statSync(old).mtimeMs > 600_000) rmSync(old, { recursive: true, force: true });
    }
  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, 'building-'));
  build(temporary, ['--arch', arch]);
  try {
    renameSync(temporary, directory);
  } catch (error) {
    // Another test run was faster.
    if (!existsSync(directory)) throw error;
    rmSync(temporary, { recursive: true });
  }
  return directory;
}

export const executable = (program: Program): string => join(executables(), `facerec-${program}`);
