import { describe, expect, test } from 'bun:test';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Bundle } from '../../../src/native/bundle.ts';
import { fromCache, places } from '../../../src/native/cache.ts';
import { holdAlone, holdShared } from '../../../src/native/libc.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const HOUR = 3_600;
const digits = (n: number) => n.toString(16).padStart(32, '0');
const embedded = temporaryDirectory();

/** A library of more than one chunk, and an add-on in a directory of its own. */
function bundleOf(id: string): Bundle {
  const files = [
    { path: 'lib/liba.so.1', content: Buffer.alloc(3_000_000, `library of ${id}`) },
    { path: 'addon/a.node', content: Buffer.from(`add-on of ${id}`) },
  ].map(({ path, content }, i) => {
    const file = join(embedded, `${id}-${i}`);
    writeFileSync(file, content);
    const sha256 = new Bun.CryptoHasher('sha256').update(content).digest('hex');
    return { path, bytes: content.length, sha256, embedded: file };
  });
  return { id, files };
}
const bundle = bundleOf(`test-${digits(1)}`);
const library = (cache: string) => join(cache, bundle.id, 'lib', 'liba.so.1');
const intact = readFileSync(bundle.files[0]!.embedded);
const newPlace = () => ({ directory: join(temporaryDirectory(), 'new', 'cache'), followLinks: true });
const age = (path: string, hours: number) => {
  const at = Date.now() / 1000 - hours * HOUR;
  utimesSync(path, at, at);
};

describe('where the cache is', () => {
  test('systemd’s, the desktop’s, the home directory’s, and at last one of this user’s own', () => {
    const all = { CACHE_DIRECTORY: '/var/cache/a:/var/cache/b', XDG_CACHE_HOME: '/x', HOME: '/home/u' };
    expect(places(all, 7).map(({ directory }) => directory)).toEqual([
      '/var/cache/a',
      '/x/facerec',
      '/home/u/.cache/facerec',
      '/var/tmp/facerec-7',
    ]);
    expect(places({}, 7)).toEqual([{ directory: '/var/tmp/facerec-7', followLinks: false }]);
  });

  test('what depends on the working directory is no place', () => {
    const relative = { CACHE_DIRECTORY: 'cache', XDG_CACHE_HOME: '.', HOME: '' };
    expect(places(relative, 7)).toHaveLength(1);
  });
});

describe('a bundle in the cache', () => {
  test('is written once, with its directories, for this user only', () => {
    const place = newPlace();
    expect(fromCache(place, bundle)).toBe(join(place.directory, bundle.id));
    expect(readFileSync(library(place.directory)).equals(intact)).toBe(true);
    expect(statSync(place.directory).mode & 0o777).toBe(0o700);
    expect(statSync(library(place.directory)).mode & 0o777).toBe(0o500);
    const { ino } = statSync(library(place.directory));
    fromCache(place, bundle);
    expect(statSync(library(place.directory)).ino).toBe(ino);
  });

  test.each([
    ['of the same size', (path: string) => writeFileSync(path, Buffer.alloc(3_000_000, 'other'))],
    [
      'with one other byte at its end',
      (path: string) => writeFileSync(path, Buffer.concat([intact.subarray(1), Buffer.from('!')])),
    ],
    ['cut off', (path: string) => truncateSync(path, 1_000_000)],
    ['of no bytes', (path: string) => truncateSync(path, 0)],
  ])('is replaced where a file is another one, %s', (_, tamper) => {
    const place = newPlace();
    fromCache(place, bundle);
    chmodSync(library(place.directory), 0o700);
    tamper(library(place.directory));
    fromCache(place, bundle);
    expect(readFileSync(library(place.directory)).equals(intact)).toBe(true);
  });

  test('is replaced where a file is a link to another', () => {
    const place = newPlace();
    mkdirSync(join(place.directory, bundle.id, 'lib'), { recursive: true, mode: 0o700 });
    symlinkSync(bundle.files[0]!.embedded, library(place.directory));
    fromCache(place, bundle);
    expect(readFileSync(library(place.directory)).equals(intact)).toBe(true);
    expect(lstatSync(library(place.directory)).isSymbolicLink()).toBe(false);
  });

  test('is refused where others can write, or where a link leads there that anybody can make', () => {
    const open = temporaryDirectory();
    chmodSync(open, 0o777);
    expect(() => fromCache({ directory: open, followLinks: true }, bundle)).toThrow('other users can write');
    const link = join(temporaryDirectory(), 'link');
    symlinkSync(temporaryDirectory(), link);
    expect(() => fromCache({ directory: link, followLinks: false }, bundle)).toThrow();
    expect(fromCache({ directory: link, followLinks: true }, bundle)).toBe(join(link, bundle.id));
  });

  test.skipIf(process.getuid?.() !== 0)('is refused where it belongs to somebody else', () => {
    const directory = temporaryDirectory();
    chownSync(directory, 65_534, 65_534);
    expect(() => fromCache({ directory, followLinks: true }, bundle)).toThrow('another user');
  });
});

describe('what is swept', () => {
  const old = bundleOf(`test-${digits(2)}`);
  const start = (place: { directory: string; followLinks: boolean }) => fromCache(place, bundle);

  test('another version that nobody has used for a day', () => {
    const place = newPlace();
    const path = join(place.directory, old.id);
    mkdirSync(join(path, 'lib'), { recursive: true, mode: 0o700 });
    age(path, 23);
    start(place);
    expect(existsSync(path)).toBe(true);
    age(path, 25);
    start(place);
    expect(existsSync(path)).toBe(false);
  });

  test('not a version that a process still uses, however old', () => {
    const place = newPlace();
    const path = fromCache(place, old);
    age(path, 1000);
    start(place);
    expect(existsSync(path)).toBe(true);
  });

  test('what a killed start left behind, and not what another start is writing', () => {
    const place = newPlace();
    start(place);
    const left = `${library(place.directory)}.1.tmp`;
    const growing = `${library(place.directory)}.2.tmp`;
    for (const path of [left, growing]) writeFileSync(path, 'part');
    const fd = openSync(growing, 'r+');
    expect(holdAlone(fd)).toBe(true);
    start(place);
    expect(existsSync(left)).toBe(true);
    for (const path of [left, growing]) age(path, 1);
    start(place);
    expect([existsSync(left), existsSync(growing)]).toEqual([false, true]);
  });

  test('nothing that is not ours', () => {
    const place = newPlace();
    for (const name of ['photos', `test-${'x'.repeat(32)}`]) {
      mkdirSync(join(place.directory, name), { recursive: true, mode: 0o700 });
      age(join(place.directory, name), 1000);
    }
    start(place);
    expect(existsSync(join(place.directory, 'photos'))).toBe(true);
    expect(existsSync(join(place.directory, `test-${'x'.repeat(32)}`))).toBe(true);
  });
});

test('shared locks go together, and keep one alone out', () => {
  const directory = temporaryDirectory();
  const [one, two, three] = [0, 1, 2].map(() => openSync(directory, 'r')) as [number, number, number];
  expect([holdShared(one), holdShared(two), holdAlone(three)]).toEqual([true, true, false]);
});
