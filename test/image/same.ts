/** Builds the worker's image a second time, Debian and all, and holds it against the first. Run by run.ts. */
import { expect, test } from 'bun:test';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openArchive } from '../../ami/image/archive.ts';
import { makeDisk } from '../../ami/image/disk.ts';
import { buildRootfs } from '../../ami/image/rootfs.ts';
import { run } from '../../ami/image/run.ts';

const dist = join(import.meta.dir, '../../dist');

async function digest(path: string): Promise<string> {
  const hash = new Bun.CryptoHasher('sha256');
  for await (const chunk of Bun.file(path).stream()) hash.update(chunk);
  return hash.digest('hex');
}

/** Every file with its mode, owner, size, time and content, by path. */
async function listing(tar: string, directory: string): Promise<Map<string, string>> {
  await mkdir(directory);
  await run(['tar', '--extract', '--numeric-owner', '--file', tar, '--directory', directory]);
  const entries = await run(['find', '.', '-printf', '%P\t%y %m %U:%G %s %T@ %l\n'], { cwd: directory });
  const sums = await run(['sh', '-c', 'find . -type f -print0 | xargs -0 sha256sum'], { cwd: directory });
  const contents = new Map(sums.split('\n').map(line => [line.slice(68), line.slice(0, 64)]));
  return new Map(
    entries.split('\n').map(line => {
      const [path = '', meta = ''] = line.split('\t');
      // What a directory occupies depends on the file system that it lies on.
      return [
        path,
        `${meta.startsWith('d') ? meta.replace(/^(\S+ \S+ \S+) \d+/, '$1') : meta} ${contents.get(path) ?? ''}`,
      ];
    }),
  );
}

function differences(a: Map<string, string>, b: Map<string, string>): string[] {
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter(path => a.get(path) !== b.get(path))
    .map(path => `${path}: ${a.get(path) ?? 'not there'} | ${b.get(path) ?? 'not there'}`);
}

test('a second build has the same files, and is the same to the last byte', async () => {
  const work = await mkdtemp(join(process.env.TMPDIR ?? '/tmp', 'facerec-same-'));
  try {
    const archive = await openArchive();
    const again = await buildRootfs({ role: 'worker', executables: dist, archive, to: work, anew: true });
    const first = join(dist, 'image', 'worker.tar');
    const disk = join(work, 'worker.raw');
    await makeDisk('worker', again, disk, archive.epoch);
    const [a, b] = [await listing(first, join(work, 'a')), await listing(again, join(work, 'b'))];
    expect(differences(a, b)).toEqual([]);
    expect(a.size).toBeGreaterThan(5000);
    console.log(`${a.size} files, the same twice; rootfs ${await digest(again)}`);
    expect(await digest(again)).toBe(await digest(first));
    expect(await digest(disk)).toBe(await digest(join(dist, 'image', 'worker.raw')));

    const planted = new Map(b).set('etc/hostname', 'f 644 0:0 4 0 0000');
    expect(differences(a, planted)).toHaveLength(1);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}, 600_000);
