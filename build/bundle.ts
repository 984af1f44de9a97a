import { join, relative } from 'node:path';
import type { BuildConfig, BunPlugin } from 'bun';
import type { Program } from '../src/variables.ts';
import { type Arch, nativeAddons } from './nativeAddons.ts';

export const root = join(import.meta.dir, '..');

export interface Target {
  readonly program: Program;
  readonly arch: Arch;
  /** The node_modules folder with the native add-ons of that processor. */
  readonly packages: string;
  /** Abbreviated hash; undefined outside of a git repository. */
  readonly commit: string | undefined;
}

/** Files that went into a bundle, with their paths relative to the project. */
export type Inputs = readonly string[];

/** Bundles a program with what it needs. Without `compile`, only to see what that is. */
export async function bundle(
  { program, arch, packages, commit }: Target,
  plugins: readonly BunPlugin[],
  compile?: BuildConfig['compile'],
): Promise<Inputs> {
  const src = join(root, 'src');
  // The engine runs in a thread of its own, which starts from a file of its own.
  const threads = program === 'worker' ? [join(src, 'face', 'engine-thread.ts')] : [];
  const { metafile } = await Bun.build({
    entrypoints: [join(src, `${program}.ts`), ...threads],
    root: src,
    target: 'bun',
    format: 'esm',
    minify: true,
    splitting: true,
    bytecode: compile !== undefined,
    metafile: true,
    define: {
      'process.env.NODE_ENV': '"production"',
      FACEREC_COMMIT: commit === undefined ? 'undefined' : JSON.stringify(commit),
    },
    // Nothing may be left to be looked up in a node_modules folder of whatever directory the program is started in.
    allowUnresolved: [],
    plugins: [nativeAddons(arch, packages), ...plugins],
    ...(compile && { compile }),
  });
  if (metafile === undefined) throw new Error('the bundler told nothing about its input');
  return Object.keys(metafile.inputs).map(path => relative(root, join(process.cwd(), path)));
}
