import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { pack } from '../../../src/core/embedding.ts';
import { SEGMENT_BYTES } from '../../../src/gallery/compaction.ts';
import type { FaceEvent, GalleryEvent } from '../../../src/gallery/events.ts';
import { decodeSegment } from '../../../src/gallery/segment.ts';
import { GalleryStore } from '../../../src/gallery/store.ts';
import type { Blobs } from '../../../src/ports.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { wrapBlobs } from '../../support/wrap.ts';

async function newBlobs(): Promise<Blobs> {
  return LocalBlobs.open(join(temporaryDirectory(), 'gallery'));
}
const storeOn = (blobs: Blobs) => new GalleryStore({ blobs });
const person = (id: string): GalleryEvent => ({
  type: 'person',
  person: id,
  name: id,
  at: Bun.randomUUIDv7(),
});
const faceOf = (id: string): GalleryEvent => ({
  type: 'face',
  person: id,
  face: Bun.randomUUIDv7(),
  file: 'a.jpg',
  model: 'm',
  quality: 3,
  embedding: pack(new Float32Array([1, 2, 3])),
});
const names = (store: GalleryStore) => store.gallery.people().map(p => p.name);

test('what one process appends, another sees at its next refresh', async () => {
  const blobs = await newBlobs();
  const added: unknown[] = [];
  const writer = storeOn(blobs);
  const reader = new GalleryStore({
    blobs,
    onChange: change => 'added' in change && added.push(change.added.embedding),
  });
  await reader.refresh();
  expect(names(reader)).toEqual([]);
  await writer.append([person('ada'), faceOf('ada')]);
  await reader.refresh();
  expect(names(reader)).toEqual(['ada']);
  expect(added).toEqual([pack(new Float32Array([1, 2, 3]))]);
});

test('an unchanged gallery costs one small read', async () => {
  const blobs = await newBlobs();
  const calls: string[] = [];
  const counted = wrapBlobs(blobs, {
    get: key => {
      calls.push(`get ${key}`);
      return blobs.get(key);
    },
    list: prefix => {
      calls.push(`list ${prefix}`);
      return blobs.list(prefix);
    },
  });
  const store = storeOn(counted);
  await store.append([person('ada')]);
  await store.refresh();
  calls.length = 0;
  await store.refresh();
  expect(calls).toEqual(['get head']);
});

test('who takes what is a little old costs nothing until it is older; failures are not old news', async () => {
  const blobs = await newBlobs();
  let reads = 0;
  let broken = false;
  const counted = wrapBlobs(blobs, {
    get: key => {
      reads++;
      return broken ? Promise.reject(new Error('gone')) : blobs.get(key);
    },
  });
  let time = 1_000_000;
  const store = new GalleryStore({ blobs: counted, now: () => time });
  await store.refresh(10_000);
  expect(reads).toBe(1);
  time += 9_999;
  await store.refresh(10_000);
  expect(reads).toBe(1);
  time += 2;
  await store.refresh(10_000);
  expect(reads).toBe(2);
  await store.refresh();
  expect(reads).toBe(3);
  time += 10_001;
  broken = true;
  await expect(store.refresh(10_000)).rejects.toThrow('gone');
  await expect(store.refresh(10_000)).rejects.toThrow('gone');
});

test('a refresh begun before an append does not hide it from a refresh begun after', async () => {
  const blobs = await newBlobs();
  const [writer, reader] = [storeOn(blobs), storeOn(blobs)];
  for (let i = 0; i < 50; i++) {
    const early = reader.refresh();
    await writer.append([person(`p${i}`)]);
    await Promise.all([reader.refresh(), reader.refresh(), early]);
    expect(reader.gallery.nameOf(`p${i}`)).toBe(`p${i}`);
  }
});

test('twenty writers at once and a compaction in their midst lose nothing', async () => {
  const blobs = await newBlobs();
  const compactor = storeOn(blobs);
  const writes = Array.from({ length: 20 }, async (_, i) => {
    const store = storeOn(blobs);
    for (const n of [0, 1, 2]) await store.append([person(`p${i}-${n}`), faceOf(`p${i}-${n}`)]);
  });
  const compactions = Array.from({ length: 6 }, () =>
    Promise.all([compactor, storeOn(blobs)].map(store => store.refresh().then(() => store.compact('', 1)))),
  );
  const readers = Array.from({ length: 4 }, () => storeOn(blobs));
  await Promise.all([...writes, ...compactions, ...readers.map(reader => reader.refresh())]);
  for (const reader of [...readers, storeOn(blobs)]) {
    await reader.refresh();
    expect(names(reader)).toHaveLength(60);
    expect(reader.gallery.people().every(p => p.faces.length === 1)).toBe(true);
  }
});

test('compaction takes what was removed off the disk, and leaves other segments alone', async () => {
  const blobs = await newBlobs();
  const store = storeOn(blobs);
  await store.append([person('ada'), faceOf('ada'), faceOf('bob')]);
  await store.append([person('bob')]);
  const [, untouched] = await blobs.list('segments/');
  expect(store.erasureDue).toBe(false);
  await store.append([{ type: 'person-removed', person: 'ada', at: Bun.randomUUIDv7() }]);
  expect(store.erasureDue).toBe(true);
  expect(await store.compact()).toBe(1);
  expect(store.erasureDue).toBe(false);
  expect(await store.compact()).toBe(0);
  const segments = await blobs.list('segments/');
  expect(segments).toHaveLength(3);
  expect(segments.map(({ key }) => key)).toContain(untouched!.key);
  const stored = await Promise.all(segments.map(({ key }) => blobs.get(key)));
  const text = stored.map(blob => new TextDecoder('latin1').decode(blob?.body)).join();
  expect(text).toContain('bob');
  expect(text).toContain('person-removed');
  expect(text).not.toContain('"name":"ada"');
  const faces = stored.flatMap(blob => decodeSegment(blob!.body)).filter(({ type }) => type === 'face');
  expect(faces).toMatchObject([{ person: 'bob' }]);
  const fresh = storeOn(blobs);
  await fresh.refresh();
  expect(names(fresh)).toEqual(['bob']);
});

test('a removal is forgotten when its time has come, but not while what it removed is stored', async () => {
  const blobs = await newBlobs();
  const [web, worker, keeper] = [storeOn(blobs), storeOn(blobs), storeOn(blobs)];
  const late = faceOf('ada');
  await web.append([person('ada'), { type: 'person-removed', person: 'ada', at: Bun.randomUUIDv7() }]);
  await worker.append([late]);
  await keeper.refresh();
  const end = 'ffffffff-ffff-7fff-bfff-ffffffffffff';
  await keeper.compact(end, 1);
  const contents = async () => {
    const blobsNow = await Promise.all((await blobs.list('segments/')).map(({ key }) => blobs.get(key)));
    return blobsNow.flatMap(blob => decodeSegment(blob!.body).map(({ type }) => type));
  };
  expect(await contents()).toEqual(['person-removed']);
  await keeper.append([person('bob')]);
  await keeper.compact(end, 1);
  expect(await contents()).toEqual(['person']);
});

test('thousands of faces end in few segments, each written a few times; full ones are left alone', async () => {
  const blobs = await newBlobs();
  let written = 0;
  const counted = wrapBlobs(blobs, {
    put: (key, body, options) => {
      written += key === 'head' ? 0 : body.length;
      return blobs.put(key, body, options);
    },
  });
  const store = storeOn(counted);
  const embedding = pack(Float32Array.from({ length: 4096 }, (_, i) => Math.sin(i)));
  const add = (n: number) =>
    store.append(Array.from({ length: n }, () => ({ ...(faceOf('ada') as FaceEvent), embedding })));
  for (let i = 0; i < 400; i++) {
    await add(4);
    await store.compact();
  }
  const sizes = (await blobs.list('segments/')).map(({ size }) => size);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  expect(sizes.length).toBeLessThan(49);
  expect(Math.max(...sizes)).toBeLessThan(SEGMENT_BYTES);
  expect(written / total).toBeLessThan(4);
  await add(2 * Math.ceil(SEGMENT_BYTES / 4096));
  const before = (await blobs.list('segments/')).at(-1);
  await store.compact('', 1);
  expect((await blobs.list('segments/')).map(({ key }) => key)).toContain(before!.key);
  const reader = storeOn(blobs);
  await reader.refresh();
  await reader.append([person('ada')]);
  expect(reader.gallery.person('ada')?.faces).toHaveLength(1600 + 2 * Math.ceil(SEGMENT_BYTES / 4096));
});

test('a damaged segment is told of and left out; all else is there, also after a compaction', async () => {
  const blobs = await newBlobs();
  const store = storeOn(blobs);
  await store.append([person('ada'), faceOf('ada')]);
  await store.append([person('bob')]);
  const torn = `segments/${Bun.randomUUIDv7()}`;
  await blobs.put(torn, new Uint8Array([9, 0, 0, 0, 123]));
  const damaged: string[] = [];
  const reader = new GalleryStore({
    blobs,
    onDamaged: segment => damaged.push(segment),
  });
  await reader.refresh();
  expect(names(reader)).toEqual(['ada', 'bob']);
  expect(damaged).toEqual([torn]);
  expect(await reader.compact('', 1)).toBe(2);
  expect(await blobs.get(torn)).toBeDefined();
  const fresh = storeOn(blobs);
  await fresh.refresh();
  expect(names(fresh)).toEqual(['ada', 'bob']);
});

test('an embedding that comes after its removal is still erased, and its photo reported', async () => {
  const blobs = await newBlobs();
  const [web, worker] = [storeOn(blobs), storeOn(blobs)];
  const removed: string[] = [];
  const keeper = new GalleryStore({
    blobs,
    onChange: change => 'removed' in change && removed.push(change.removed),
  });
  await web.append([person('ada')]);
  const late = faceOf('ada');
  await web.append([{ type: 'person-removed', person: 'ada', at: Bun.randomUUIDv7() }]);
  await worker.append([late]);
  await keeper.refresh();
  expect(late.type === 'face' && removed).toEqual([late.type === 'face' ? late.face : '']);
  expect(keeper.erasureDue).toBe(true);
});
