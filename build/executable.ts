import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BunPlugin } from 'bun';
import manifest from '../package.json' with { type: 'json' };
import { bundle, type Inputs, type Target } from './bundle.ts';
import type { Component } from './components.ts';
import { licenceText } from './licences.ts';

/** Writes `facerec-<program>` to a directory: one file that needs neither Bun nor packages. Returns what went into it. */
export async function buildExecutable(
  target: Target,
  components: readonly Component[],
  directory: string,
): Promise<Inputs> {
  if (manifest.packageManager !== `bun@${Bun.version}`)
    throw new Error(`executables are built with ${manifest.packageManager}, this is Bun ${Bun.version}`);
  mkdirSync(directory, { recursive: true });
  return bundle(target, [licences(Bun.zstdCompressSync(licenceText(components), { level: 19 }))], {
    target: `bun-linux-${target.arch}`,
    outfile: join(directory, `facerec-${target.program}`),
    // Nothing in the directory or the environment that the program is started in may change what it runs.
    autoloadDotenv: false,
    autoloadBunfig: false,
    autoloadTsconfig: false,
    autoloadPackageJson: false,
    execArgv: ['--disallow-code-generation-from-strings=strict'],
  });
}

/** Replaces the module that tells licences by one that carries them, compressed. */
function licences(text: Uint8Array): BunPlugin {
  return {
    name: 'licences',
    setup(build) {
      build.onResolve({ filter: /^licences$/ }, () => ({ path: 'licences.zst', namespace: 'licences' }));
      build.onLoad({ filter: /./, namespace: 'licences' }, () => ({ loader: 'file', contents: text }));
      build.onLoad({ filter: /\/src\/runtime\/licenses\.ts$/ }, () => ({
        loader: 'js',
        contents: `
          import file from 'licences' with { type: 'file' };
          export const licenses = async () =>
            new TextDecoder().decode(Bun.zstdDecompressSync(await Bun.file(file).bytes()));
        `,
      }));
    },
  };
}
