import { beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { architectures } from '../../build/nativeAddons.ts';
import manifest from '../../package.json' with { type: 'json' };
import { programs } from '../../src/variables.ts';
import { start } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { BUILDING, root } from './build.ts';
import { outcome } from './jail.ts';

const dist = join(temporaryDirectory(), 'dist');
const name = (arch: string) => `facerec-${manifest.version}-linux-${arch}`;
const sha256 = (content: Uint8Array) => new Bun.CryptoHasher('sha256').update(content).digest('hex');
const read = (file: string) => readFileSync(join(dist, file));

async function release(out: string, words: string[] = []): Promise<void> {
  const command = [process.execPath, join(root, 'build', 'release.ts'), '--out', out, ...words];
  const { code, output } = await outcome(start(command, process.env as Record<string, string>));
  if (code !== 0) throw new Error(output);
}

describe('a release', () => {
  beforeAll(() => release(dist), BUILDING);

  test('has its checksums', () => {
    const sums = read('SHA256SUMS')
      .toString()
      .trim()
      .split('\n')
      .map(line => line.split('  '));
    const files = architectures.flatMap(arch => [`${name(arch)}.cdx.json`, `${name(arch)}.tar.zst`]).sort();
    expect(sums.map(([, file]) => file!).sort()).toEqual(files);
    for (const [sum, file] of sums) expect({ file, sum: sha256(read(file!)) }).toEqual({ file, sum: sum! });
    expect(readdirSync(dist).filter(file => file.endsWith('.tar.zst'))).toHaveLength(2);
  });

  test.each(architectures)(
    'the archive for %s unpacks with tar to programs that are those built',
    async arch => {
      const to = join(temporaryDirectory(), 'unpacked');
      mkdirSync(to);
      const archive = join(to, 'archive.tar');
      await Bun.write(archive, Bun.zstdDecompressSync(read(`${name(arch)}.tar.zst`)));
      const listed = Bun.spawnSync(['tar', '--list', '--verbose', '--numeric-owner', '--utc', '-f', archive]);
      const lines = listed.stdout
        .toString()
        .trim()
        .split('\n')
        .map(line => line.split(/\s+/));
      const paths = lines.map(words => words.at(-1)!);
      const files = [
        ...programs.map(program => `facerec-${program}`),
        'LICENSE',
        'README.md',
        'sbom.cdx.json',
      ];
      expect(paths).toEqual(files.map(file => `${name(arch)}/${file}`).sort());
      for (const [mode, owner, , date] of lines) {
        expect({ owner, date }).toEqual({ owner: '0/0', date: '1980-01-01' });
        expect(['-rwxr-xr-x', '-rw-r--r--']).toContain(mode!);
      }
      expect(Bun.spawnSync(['tar', '-xf', archive, '-C', to]).exitCode).toBe(0);
      for (const program of programs) {
        const unpacked = readFileSync(join(to, name(arch), `facerec-${program}`));
        const built = read(arch === 'x64' ? `facerec-${program}` : join(arch, `facerec-${program}`));
        expect(unpacked.equals(built)).toBe(true);
      }
      if (arch !== process.arch) return;
      const version = start([join(to, name(arch), 'facerec-web'), '--version'], {});
      expect((await outcome(version)).output).toStartWith(`facerec-web ${manifest.version}`);
    },
  );

  test.each(architectures)(
    'the bill of materials for %s is valid CycloneDX 1.6 and names what is inside',
    async arch => {
      const text = read(`${name(arch)}.cdx.json`).toString();
      const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
      expect(await validator.validate(text)).toBeNull();
      const broken = text.replace('"type": "library"', '"type": "libary"');
      expect(await validator.validate(broken)).not.toBeNull();

      const { components, dependencies } = JSON.parse(text) as {
        components: { 'bom-ref': string; name: string; hashes?: { content: string }[] }[];
        dependencies: { ref: string; dependsOn: string[] }[];
      };
      const refs = components.map(component => component['bom-ref']);
      expect(new Set(refs).size).toBe(refs.length);
      for (const program of programs) {
        const file = arch === 'x64' ? `facerec-${program}` : join(arch, `facerec-${program}`);
        const component = components.find(c => c.name === `facerec-${program}`);
        expect(component?.hashes?.[0]?.content).toBe(sha256(read(file)));
        const inside = dependencies.find(d => d.ref === `facerec-${program}`)?.dependsOn ?? [];
        expect(inside).toContain(`bun@${Bun.version}`);
        expect(inside.some(ref => ref.startsWith('onnxruntime-node@'))).toBe(program === 'worker');
        for (const ref of inside) expect(refs).toContain(ref);
      }
    },
  );

  test(
    'made again, it has the same bytes',
    async () => {
      const again = join(temporaryDirectory(), 'again');
      await release(again, ['--arch', 'x64']);
      const sums = readFileSync(join(again, 'SHA256SUMS'), 'utf8').trim().split('\n');
      expect(sums).toHaveLength(2);
      expect(read('SHA256SUMS').toString().split('\n')).toEqual(expect.arrayContaining(sums));
    },
    BUILDING,
  );
});
