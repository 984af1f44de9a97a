import { describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { temporaryDirectory, until } from '../../support/temporary.ts';
import { startChild } from './child.ts';

const root = temporaryDirectory();
let made = 0;
const newDirectory = (): string => join(root, `blobs-${made++}`);

/** The files of all objects, as paths within the store. */
function objectFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(name =>
    /^[st]-.*\/[0-9a-f.-]{64,}$/.test(name),
  );
}

/** Stores an object as the earlier layout had it: in one of 256 directories, under hashes of first segment and key. */
function earlier(directory: string, key: string): void {
  for (let i = 0; i < 256; i++)
    mkdirSync(join(directory, i.toString(16).padStart(2, '0')), { recursive: true, mode: 0o700 });
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const slash = key.indexOf('/');
  const segment = hash(slash < 0 ? key : key.slice(0, slash + 1));
  const body = `of ${key}`;
  const header = JSON.stringify({ key, size: body.length, etag: hash(body), modifiedAt: 1 });
  writeFileSync(
    join(directory, segment.slice(0, 2), `${segment.slice(0, 32)}.${hash(key)}`),
    `${header}\n${body}`,
  );
}

describe('LocalBlobs', () => {
  test('keeps objects when it is closed and opened again, with their times', async () => {
    const directory = newDirectory();
    const first = await LocalBlobs.open(directory, { now: () => 1_234 });
    const etag = await first.put('a/b', Buffer.from('kept'));
    await first.close();
    const second = await LocalBlobs.open(directory);
    expect((await second.get('a/b'))?.etag).toBe(etag!);
    expect(await second.list('a/')).toEqual([{ key: 'a/b', size: 4, modifiedAt: 1_234 }]);
    await second.close();
  });

  test('names of files say nothing of the key; they are the owner’s alone', async () => {
    const directory = newDirectory();
    const blobs = await LocalBlobs.open(directory);
    await blobs.put('people/Ada Lovelace', Buffer.from('x'));
    const [file, ...others] = objectFiles(directory);
    expect(others).toEqual([]);
    expect(file).toMatch(/^s-people\/[0-9a-f]{64}$/);
    expect(statSync(join(directory, file!)).mode & 0o777).toBe(0o600);
    for (const name of ['.', 'tmp', 's-people']) {
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o700);
    }
    const id = Bun.randomUUIDv7();
    await blobs.put(`${id}/Ada Lovelace.jpg`, Buffer.from('x'));
    await blobs.put('Ada Lovelace/1', Buffer.from('x'));
    await blobs.put('Ada Lovelace', Buffer.from('x'));
    expect(objectFiles(directory).sort()).toEqual([
      expect.stringMatching(/^s-\/[0-9a-f]{64}$/),
      expect.stringMatching(/^s-\/[0-9a-f]{64}$/),
      file!,
      expect.stringMatching(new RegExp(`^t-${id.slice(0, 6)}/${id.slice(6, 8)}/${id}\\.[0-9a-f]{64}$`)),
    ]);
    for (const name of [`t-${id.slice(0, 6)}`, `t-${id.slice(0, 6)}/${id.slice(6, 8)}`])
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o700);
    await blobs.close();
  });

  test('keys with the same first segment lie in one directory', async () => {
    const directory = newDirectory();
    const blobs = await LocalBlobs.open(directory);
    for (let i = 0; i < 20; i++) await blobs.put(`heartbeats/${i}`, Buffer.from('x'));
    expect(new Set(objectFiles(directory).map(dirname))).toEqual(new Set(['s-heartbeats']));
    await blobs.close();
  });

  test('a listing with a limit opens that many files, however many there are', async () => {
    const directory = newDirectory();
    const start = Date.UTC(2026, 4, 1);
    const blobs = await LocalBlobs.open(directory);
    const ids = Array.from({ length: 300 }, (_, i) => Bun.randomUUIDv7('hex', start + i * 60_000));
    for (const id of ids) await blobs.put(`${id}/a.json`, Buffer.from('x'));
    await blobs.put('head', Buffer.from('x'));
    // What is opened is told of, when all of it is damaged.
    for (const file of objectFiles(directory)) truncateSync(join(directory, file), 0);
    await blobs.close();
    const told: string[] = [];
    const looking = await LocalBlobs.open(directory, { onDamaged: file => told.push(file) });
    const alive = ids[150]!;
    await looking.put(`${alive}/a.json`, Buffer.from('x'));
    const listed = await looking.list('0', { after: ids[148]!, limit: 1 });
    expect(listed.map(({ key }) => key)).toEqual([`${alive}/a.json`]);
    // The two before it, and the head, which may come between.
    expect(told.length).toBeLessThanOrEqual(3);
    await looking.close();
  });

  test('old directories of ids are removed with their last object, and made again', async () => {
    const directory = newDirectory();
    const id = Bun.randomUUIDv7('hex', Date.now() - 2 * 86_400_000);
    const young = Bun.randomUUIDv7();
    const [one, other] = await Promise.all([LocalBlobs.open(directory), LocalBlobs.open(directory)]);
    const held = () => readdirSync(directory).filter(name => name.startsWith('t-'));
    for (const blobs of [one, other, one]) {
      for (const key of [`${id}/a`, `${id}/b`, `${young}/a`]) await blobs.put(key, Buffer.from('x'));
      expect(held()).toHaveLength(2);
      await Promise.all([one.delete(`${id}/a`), other.delete(`${id}/b`), other.delete(`${young}/a`)]);
      expect(held()).toEqual([`t-${young.slice(0, 6)}`]);
      expect(await blobs.list('')).toEqual([]);
    }
    await Promise.all([one.close(), other.close()]);
  });

  test('while some delete the last object of a directory, others store into it: nothing is lost', async () => {
    const directory = newDirectory();
    const id = Bun.randomUUIDv7('hex', Date.now() - 2 * 86_400_000);
    const stores = await Promise.all([1, 2, 3, 4].map(() => LocalBlobs.open(directory)));
    await Promise.all(
      stores.map(async (blobs, i) => {
        for (let round = 0; round < 40; round++) {
          const key = `${id}/${i}`;
          await blobs.put(key, Buffer.from(`${round}`), round % 2 ? {} : { ifAbsent: true });
          expect(Buffer.from((await blobs.get(key))!.body).toString()).toBe(`${round}`);
          await blobs.delete(key);
        }
      }),
    );
    expect(await stores[0]!.list('')).toEqual([]);
    for (const blobs of stores) await blobs.close();
  });

  test('objects of the earlier layout are found again, by several processes at once', async () => {
    const directory = newDirectory();
    const ids = Array.from({ length: 50 }, (_, i) => Bun.randomUUIDv7('hex', Date.now() - i * 3_600_000));
    const keys = [...ids.map(id => `${id}/Ada.json`), 'head', 'fleet/f/workers/1', 'Odd/1', 'tmp/x'];
    for (const key of keys) earlier(directory, key);
    const told: string[] = [];
    writeFileSync(join(directory, 'ab', `${'a'.repeat(32)}.${'b'.repeat(64)}`), 'no object');
    const onDamaged = (file: string) => told.push(file);
    const stores = await Promise.all([1, 2, 3].map(() => LocalBlobs.open(directory, { onDamaged })));
    for (const blobs of stores) {
      expect((await blobs.list('')).map(({ key }) => key)).toEqual([...keys].sort());
      for (const key of keys) expect(Buffer.from((await blobs.get(key))!.body).toString()).toBe(`of ${key}`);
    }
    expect(new Set(told).size).toBe(1);
    expect(readdirSync(directory).filter(name => name.length === 2 && name !== 's-')).toEqual([]);
    for (const blobs of stores) await blobs.close();
  });

  test('open removes old leftovers, and no young ones', async () => {
    const directory = newDirectory();
    await (await LocalBlobs.open(directory)).close();
    for (const name of ['old', 'young']) writeFileSync(join(directory, 'tmp', name), 'half a pho');
    const long = Date.now() / 1_000 - 3_700;
    utimesSync(join(directory, 'tmp', 'old'), long, long);
    await (await LocalBlobs.open(directory)).close();
    expect(readdirSync(join(directory, 'tmp'))).toEqual(['young']);
  });

  test('no put leaves a temporary file', async () => {
    const directory = newDirectory();
    const blobs = await LocalBlobs.open(directory);
    const etag = await blobs.put('k', Buffer.from('1'));
    await blobs.put('k', Buffer.from('2'), { ifAbsent: true });
    await blobs.put('k', Buffer.from('3'), { ifMatch: 'something else' });
    await blobs.put('k', Buffer.from('4'), { ifMatch: etag! });
    expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
    await blobs.close();
  });

  test.each([
    ['cut short', (file: string) => truncateSync(file, statSync(file).size - 1)],
    ['too long', (file: string) => writeFileSync(file, 'x', { flag: 'a' })],
    ['empty', (file: string) => truncateSync(file, 0)],
    ['cut in the header', (file: string) => truncateSync(file, 20)],
    ['of another kind', (file: string) => writeFileSync(file, '{"key":"k"}\n')],
  ])('a file that is %s is an error that does not tell the key', async (_, damage) => {
    const directory = newDirectory();
    const blobs = await LocalBlobs.open(directory);
    await blobs.put('secret-key/1', Buffer.from('a body'));
    const [file] = objectFiles(directory);
    damage(join(directory, file!));
    const error = await blobs.get('secret-key/1').catch((e: Error) => e);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toContain(basename(file!));
    expect((error as Error).message).not.toContain('secret-key');
    await blobs.put('secret-key/1', Buffer.from('mended'));
    expect(Buffer.from((await blobs.get('secret-key/1'))!.body).toString()).toBe('mended');
    await blobs.close();
  });

  test('ifAbsent and ifMatch exclude each other', async () => {
    const blobs = await LocalBlobs.open(newDirectory());
    await expect(blobs.put('k', Buffer.from('x'), { ifAbsent: true, ifMatch: 'e' })).rejects.toThrow(
      TypeError,
    );
    await blobs.close();
  });

  test('processes that add to one object by ifMatch lose nothing, with one killed among them', async () => {
    const directory = newDirectory();
    const blobs = await LocalBlobs.open(directory);
    await blobs.put('counter', Buffer.from('0'), { ifAbsent: true });
    const times = 40;
    const children = Array.from({ length: 4 }, () => startChild('counter.ts', directory, String(times)));
    const victims = Array.from({ length: 3 }, () => startChild('counter.ts', directory, '1000000'));
    for (const victim of victims) {
      await until(() => victim.lines.length >= 3, 'the victim to have added', 60_000);
      await victim.kill();
    }
    expect(await Promise.all(children.map(({ ended }) => ended))).toEqual([0, 0, 0, 0]);
    const total = Number(Buffer.from((await blobs.get('counter'))!.body).toString());
    const acknowledged = [...children, ...victims].reduce((sum, { lines }) => sum + lines.length, 0);
    expect(acknowledged).toBeGreaterThanOrEqual(4 * times + 9);
    // A victim may have been killed between its last addition and the word of it.
    expect(total).toBeGreaterThanOrEqual(acknowledged);
    expect(total).toBeLessThanOrEqual(acknowledged + victims.length);
    await blobs.close();
  }, 120_000);

  test('kill -9 while it overwrites leaves a whole object', async () => {
    const directory = newDirectory();
    const blobs = await LocalBlobs.open(directory);
    for (let kills = 0; kills < 10; kills++) {
      const child = startChild('overwriter.ts', directory);
      await until(() => child.lines.length > 0, 'the writer to be at work');
      await until(async () => (await blobs.get('photo')) !== undefined, 'an object');
      await Bun.sleep(Math.random() * 20);
      await child.kill();
      const { body } = (await blobs.get('photo'))!;
      expect(body.length).toBe(300_000);
      expect(body.every(byte => byte === body[0])).toBe(true);
    }
    expect(objectFiles(directory)).toHaveLength(1);
    await blobs.close();
  }, 120_000);

  test('the header is one line of JSON before the body', async () => {
    const directory = newDirectory();
    const blobs = await LocalBlobs.open(directory, { now: () => 7 });
    const etag = await blobs.put('a\nb', Buffer.from('body\n'), { contentType: 'text/plain' });
    const [header, ...body] = readFileSync(join(directory, objectFiles(directory)[0]!), 'utf8').split('\n');
    expect(JSON.parse(header!)).toEqual({
      key: 'a\nb',
      size: 5,
      etag,
      modifiedAt: 7,
      contentType: 'text/plain',
    });
    expect(body.join('\n')).toBe('body\n');
    await blobs.close();
  });
});
