import { afterAll, beforeEach, describe, expect, test } from 'bun:test';
import type { Blobs } from '../../src/ports.ts';

export interface BlobsHarness {
  readonly blobs: Blobs;
  close(): Promise<void>;
}

/** What an adapter (or the server that a test runs it against) is known not to do. */
export type BlobsGap = 'racing ifAbsent' | 'racing ifMatch' | 'odd keys' | 'rejects bad keys';

export interface BlobsContract {
  /** Called before each test: a store that holds nothing. */
  make(): Promise<BlobsHarness>;
  readonly gaps?: readonly BlobsGap[];
}

/** What every `Blobs` has to do. */
export function blobsContract(name: string, { make, gaps = [] }: BlobsContract): void {
  const unless = (gap: BlobsGap) => test.skipIf(gaps.includes(gap));

  describe(`${name} as Blobs`, () => {
    const harnesses: BlobsHarness[] = [];
    let blobs: Blobs;

    beforeEach(async () => {
      const harness = await make();
      harnesses.push(harness);
      blobs = harness.blobs;
    });
    afterAll(() => Promise.all(harnesses.map(each => each.close())));

    test.each([0, 1, 10_000, 5 * 1_024 * 1_024])('gives back %d bytes', async size => {
      const body = noise(size);
      const etag = await blobs.put('a/photo.jpg', body, { contentType: 'image/jpeg' });
      const stored = await blobs.get('a/photo.jpg');
      expect(etag).toBeString();
      expect(stored?.etag).toBe(etag!);
      expect(Buffer.from(stored!.body).equals(body)).toBe(true);
    });

    test('holds nothing where nothing was put', async () => {
      expect(await blobs.get('absent')).toBeUndefined();
    });

    test('overwrites', async () => {
      const first = await blobs.put('key', text('first, and longer'));
      const second = await blobs.put('key', text('second'));
      expect(second).not.toBe(first!);
      expect(await readText(blobs, 'key')).toBe('second');
      expect((await blobs.list('key')).map(({ size }) => size)).toEqual([6]);
    });

    test('keeps what the caller changes afterwards', async () => {
      const body = text('before');
      await blobs.put('key', body);
      body.fill(0);
      expect(await readText(blobs, 'key')).toBe('before');
    });

    test('ifAbsent stores only where there is nothing', async () => {
      expect(await blobs.put('key', text('first'), { ifAbsent: true })).toBeString();
      expect(await blobs.put('key', text('second'), { ifAbsent: true })).toBeUndefined();
      expect(await readText(blobs, 'key')).toBe('first');
      await blobs.delete('key');
      expect(await blobs.put('key', text('third'), { ifAbsent: true })).toBeString();
    });

    unless('racing ifAbsent')('of 20 racing ifAbsent puts one wins', async () => {
      const etags = await Promise.all(
        Array.from({ length: 20 }, (_, i) => blobs.put('race', text(`writer ${i}`), { ifAbsent: true })),
      );
      const winners = etags.flatMap((etag, i) => (etag === undefined ? [] : [i]));
      expect(winners).toHaveLength(1);
      expect(await readText(blobs, 'race')).toBe(`writer ${winners[0]}`);
    });

    test('ifMatch stores only over the object it names', async () => {
      const first = (await blobs.put('key', text('first')))!;
      const second = (await blobs.put('key', text('second'), { ifMatch: first }))!;
      expect(second).toBeString();
      expect(await blobs.put('key', text('late'), { ifMatch: first })).toBeUndefined();
      expect(await readText(blobs, 'key')).toBe('second');
      await blobs.delete('key');
      expect(await blobs.put('key', text('too late'), { ifMatch: second })).toBeUndefined();
      expect(await blobs.get('key')).toBeUndefined();
    });

    unless('racing ifMatch')('of 20 racing ifMatch puts one wins', async () => {
      const ifMatch = (await blobs.put('race', text('start')))!;
      const etags = await Promise.all(
        Array.from({ length: 20 }, (_, i) => blobs.put('race', text(`writer ${i}`), { ifMatch })),
      );
      expect(etags.filter(etag => etag !== undefined)).toHaveLength(1);
    });

    test('lists by prefix, in the order of UTF-8 bytes', async () => {
      const keys = ['a/1', 'a/10', 'a/2', 'a/\uff5e', 'a/é', 'a', 'ab/1', 'b/1', 'a/b/c'];
      await Promise.all(keys.map(key => blobs.put(key, text(key))));
      const listed = async (prefix: string) => (await blobs.list(prefix)).map(({ key }) => key);
      expect(await listed('a/')).toEqual(['a/1', 'a/10', 'a/2', 'a/b/c', 'a/é', 'a/\uff5e']);
      expect(await listed('a/1')).toEqual(['a/1', 'a/10']);
      expect(await listed('a/b/')).toEqual(['a/b/c']);
      expect(await listed('a')).toEqual(['a', 'a/1', 'a/10', 'a/2', 'a/b/c', 'a/é', 'a/\uff5e', 'ab/1']);
      expect(await listed('')).toHaveLength(keys.length);
      expect(await listed('c/')).toEqual([]);
      expect(await listed('a/1/')).toEqual([]);
    });

    test('lists sizes and times, up to a limit', async () => {
      const before = Date.now();
      for (const i of [3, 1, 2]) await blobs.put(`p/${i}`, noise(i * 100));
      const all = await blobs.list('p/');
      expect(all.map(({ key, size }) => [key, size])).toEqual([
        ['p/1', 100],
        ['p/2', 200],
        ['p/3', 300],
      ]);
      for (const { modifiedAt } of all) expect(Math.abs(modifiedAt - before)).toBeLessThan(60_000);
      expect(await blobs.list('p/', { limit: 2 })).toEqual(all.slice(0, 2));
      expect(await blobs.list('p/', { limit: 9 })).toEqual(all);
    });

    test('lists what comes after a key, which need not be there', async () => {
      const ids = [1, 2, 3, 4].map(minute => Bun.randomUUIDv7('hex', minute * 60_000));
      const keys = [
        ...ids.map(id => `${id}/photo.json`),
        `${ids[1]}/another.json`,
        '0-other/1',
        '0-other/2',
        `${ids[2]}x`,
        'Odd',
        'tail/1',
      ];
      for (const key of keys) await blobs.put(key, text(key));
      const inOrder = [...keys].sort();
      for (const after of [
        ...inOrder,
        ids[0]!,
        ids[1]!,
        `${ids[1]}/b`,
        '0',
        '0-other/',
        '00000001',
        'P',
        '~',
      ])
        for (const limit of [1, 3, 99]) {
          const listed = await blobs.list('', { after, limit });
          const wanted = inOrder.filter(key => key > after).slice(0, limit);
          expect([after, listed.map(({ key }) => key)]).toEqual([after, wanted]);
        }
      const within = await blobs.list(ids[1]!.slice(0, 9), { after: `${ids[1]}/b` });
      expect(within.map(({ key }) => key)).toEqual([`${ids[1]}/photo.json`]);
      expect(await blobs.list('0-other/', { after: 'a' })).toEqual([]);
      expect((await blobs.list('0-other/', { after: '0-' })).map(({ key }) => key)).toEqual([
        '0-other/1',
        '0-other/2',
      ]);
    });

    test('deletes, and again without an error', async () => {
      await blobs.put('d/1', text('x'));
      await blobs.delete('d/1');
      await blobs.delete('d/1');
      expect(await blobs.get('d/1')).toBeUndefined();
      expect(await blobs.list('d/')).toEqual([]);
    });

    unless('odd keys')('takes odd keys for what they are', async () => {
      const keys = [
        '../x',
        '../../etc/passwd',
        '/',
        '//',
        '/absolute',
        '.',
        '..',
        'tmp/x',
        'a/../b',
        'ends/',
        'face 🙂.jpg',
        '𝔉/é',
        '\uff5e sorts before astral characters in UTF-8, after them in UTF-16',
        'line\nbreak',
        'a\\b',
        '%2e%2e/x',
        'x'.repeat(1_024),
        `${'é'.repeat(400)}/${'y'.repeat(223)}`,
      ];
      await Promise.all(keys.map(key => blobs.put(key, text(`body of ${key}`))));
      for (const key of keys) expect(await readText(blobs, key)).toBe(`body of ${key}`);
      const inOrder = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect((await blobs.list('')).map(({ key }) => key)).toEqual(inOrder);
      for (const key of keys) await blobs.delete(key);
      expect(await blobs.list('')).toEqual([]);
    });

    unless('rejects bad keys')('rejects what is no key', async () => {
      for (const key of ['', 'x'.repeat(1_025), 'é'.repeat(513), 'nul\0byte', 'lone \ud800 surrogate']) {
        await expect(blobs.put(key, text('x'))).rejects.toThrow();
      }
      expect(await blobs.list('')).toEqual([]);
    });
  });
}

function text(value: string): Buffer<ArrayBuffer> {
  return Buffer.from(value);
}

async function readText(blobs: Blobs, key: string): Promise<string | undefined> {
  const stored = await blobs.get(key);
  return stored && Buffer.from(stored.body).toString();
}

/** The same bytes each time, newlines among them. */
function noise(size: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(size);
  for (let i = 0, state = 1; i < size; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
