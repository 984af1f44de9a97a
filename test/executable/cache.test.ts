import { beforeAll, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cast } from '../support/cast.ts';
import { portraits } from '../support/photos.ts';
import { start } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { BUILDING, executable, executables } from './build.ts';
import { outcome } from './jail.ts';

beforeAll(() => void executables(), BUILDING);

const photo = portraits[cast.ada];

/** A worker that names the faces of one photo, with its cache in a directory. */
const recognise = (CACHE_DIRECTORY: string) =>
  start([executable('worker'), 'recognise', photo], { CACHE_DIRECTORY, FACEREC_DATA: '/nowhere' });
const done = { code: 0, output: expect.stringContaining('"status":"done"') };

const files = (cache: string) =>
  existsSync(cache)
    ? readdirSync(cache, { recursive: true, encoding: 'utf8' })
        .filter(file => /\.(node|so[.\d]*|tmp)$/.test(file))
        .sort()
    : [];
const fingerprints = (cache: string) =>
  files(cache).map(file => [file, Bun.hash(readFileSync(join(cache, file)))] as const);
const newCache = () => join(temporaryDirectory(), 'cache');

test('several first starts at once all work, and leave one copy', async () => {
  const cache = newCache();
  const starts = await Promise.all(Array.from({ length: 4 }, () => outcome(recognise(cache))));
  expect(starts).toEqual([done, done, done, done]);
  expect(files(cache)).toHaveLength(4);
});

test('killed while it writes, the next start works; what was left is swept', async () => {
  let cache: string;
  let left: string[];
  do {
    cache = newCache();
    const worker = recognise(cache);
    // As soon as a file is being written, if it is not over too fast: then once more.
    while (!files(cache).some(file => file.endsWith('.tmp')) && worker.child.exitCode === null)
      await Bun.sleep(0);
    await worker.end('SIGKILL');
    left = files(cache).filter(file => file.endsWith('.tmp'));
  } while (left.length === 0);

  expect(await outcome(recognise(cache))).toEqual(done);
  for (const file of left) utimesSync(join(cache, file), 1, 1);
  expect(await outcome(recognise(cache))).toEqual(done);
  expect(files(cache)).toHaveLength(4);
  expect(files(cache).filter(file => file.endsWith('.tmp'))).toEqual([]);
});

test('a changed library of the same size and time is detected, and replaced before it is loaded', async () => {
  const cache = newCache();
  expect(await outcome(recognise(cache))).toEqual(done);
  const intact = fingerprints(cache);
  for (const [file] of intact) {
    const path = join(cache, file);
    const bytes = readFileSync(path);
    // In the midst of the code: loaded, it would crash or do something else.
    bytes.fill(0xcc, bytes.length / 2, bytes.length / 2 + 4096);
    chmodSync(path, 0o700);
    writeFileSync(path, bytes);
    utimesSync(path, 1, 1);
  }
  expect(fingerprints(cache)).not.toEqual(intact);
  expect(await outcome(recognise(cache))).toEqual(done);
  expect(fingerprints(cache)).toEqual(intact);
});

test('the cache of another version is swept when nobody has used it for a day', async () => {
  const cache = newCache();
  const old = join(cache, `sharp-${'0'.repeat(32)}`);
  mkdirSync(join(old, 'lib'), { recursive: true, mode: 0o700 });
  writeFileSync(join(old, 'lib', 'libold.so.1'), 'old');
  utimesSync(old, 1, 1);
  expect(await outcome(recognise(cache))).toEqual(done);
  expect(existsSync(old)).toBe(false);
});

test('--version, --help and --licenses write nothing', async () => {
  const cache = newCache();
  for (const word of ['--version', '--help', '--licenses']) {
    const asked = start([executable('worker'), word], { CACHE_DIRECTORY: cache, HOME: temporaryDirectory() });
    expect((await outcome(asked)).code).toBe(0);
  }
  expect(existsSync(cache)).toBe(false);
});

test('the libraries ask for glibc 2.28 at most', async () => {
  const cache = newCache();
  expect(await outcome(recognise(cache))).toEqual(done);
  for (const path of [executable('worker'), ...files(cache).map(file => join(cache, file))]) {
    const minors = [...readFileSync(path, 'latin1').matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) =>
      Number(minor),
    );
    expect(Math.max(...minors)).toBeLessThanOrEqual(28);
  }
});
