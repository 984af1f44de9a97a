/**
 * `bun run release`: archives of the executables for both processors (or for one, `--arch x64`), their bills of materials,
 * and SHA256SUMS, in `dist/`.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { constants, zstdCompressSync } from 'node:zlib';
import manifest from '../package.json' with { type: 'json' };
import { type Built, build } from './build.ts';
import { root } from './bundle.ts';
import { type Arch, architectures } from './nativeAddons.ts';
import { sbom } from './sbom.ts';
import { tar } from './tar.ts';

const { out, arch: wanted } = parseArgs({
  options: { out: { type: 'string' }, arch: { type: 'string' } },
}).values;
const dist = resolve(out ?? join(root, 'dist'));

const files: string[] = [];
for (const arch of architectures.filter(name => wanted === undefined || name === wanted)) {
  const built = await build(arch, arch === 'x64' ? dist : join(dist, arch));
  files.push(...release(arch, built));
}
const sums = files.map(file => `${sha256(file)}  ${basename(file)}\n`);
writeFileSync(join(dist, 'SHA256SUMS'), sums.sort().join(''));

/** Writes an archive and its bill of materials; returns their paths. */
function release(arch: Arch, built: readonly Built[]): string[] {
  const name = `${manifest.name}-${manifest.version}-linux-${arch}`;
  const bill = `${JSON.stringify(sbom(name, built, sha256), undefined, 2)}\n`;
  const texts = ['LICENSE', 'README.md'].map(file => ({
    path: `${name}/${file}`,
    content: readFileSync(join(root, file)),
    executable: false,
  }));
  const programs = built.map(({ file }) => ({
    path: `${name}/${basename(file)}`,
    content: readFileSync(file),
    executable: true,
  }));
  const entries = [
    ...programs,
    ...texts,
    { path: `${name}/sbom.cdx.json`, content: Buffer.from(bill), executable: false },
  ];
  const archive = join(dist, `${name}.tar.zst`);
  writeFileSync(archive, compressed(tar(entries)));
  const sbomFile = join(dist, `${name}.cdx.json`);
  writeFileSync(sbomFile, bill);
  return [archive, sbomFile];
}

/** The programs have their run time in common: a window that reaches from one to the next. Every zstd unpacks 128 MB. */
function compressed(archive: Uint8Array): Uint8Array {
  return zstdCompressSync(archive, {
    params: {
      [constants.ZSTD_c_compressionLevel]: 9,
      [constants.ZSTD_c_windowLog]: 27,
      [constants.ZSTD_c_enableLongDistanceMatching]: 1,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  });
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
