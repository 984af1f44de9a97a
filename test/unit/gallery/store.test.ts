import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import type { GalleryEvent } from '../../../src/gallery/events.ts';
import { GalleryStore } from '../../../src/gallery/store.ts';
import type { Blobs } from '../../../src/ports.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { wrapBlobs } from '../../support/wrap.ts';

async function newBlobs(): Promise<Blobs> {
  return LocalBlobs.open(join(temporaryDirectory(), 'gallery'));
}
const storeOn = (blobs: Blobs) => new GalleryStore({ blobs, keepEmbeddings: true });
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
  embedding: new Float32Array([1, 2, 3]),
});
const names = (store: GalleryStore) => store.gallery.people().map(p => p.name);

test('what one process appends, another sees at its next refresh', async () => {
  const blobs = await newBlobs();
  const [writer, reader] = [storeOn(blobs), storeOn(blobs)];
  await reader.refresh();
  expect(names(reader)).toEqual([]);
  await writer.append([person('ada'), faceOf('ada')]);
  await reader.refresh();
  expect(names(reader)).toEqual(['ada']);
  expect(reader.gallery.person('ada')?.faces[0]?.embedding).toEqual(new Float32Array([1, 2, 3]));
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
    Promise.all([compactor.compact(), storeOn(blobs).compact()]),
  );
  const readers = Array.from({ length: 4 }, () => storeOn(blobs));
  await Promise.all([...writes, ...compactions, ...readers.map(reader => reader.refresh())]);
  for (const reader of [...readers, storeOn(blobs)]) {
    await reader.refresh();
    expect(names(reader)).toHaveLength(60);
    expect(reader.gallery.people().every(p => p.faces.length === 1)).toBe(true);
  }
});

test('compaction takes removed embeddings off the disk', async () => {
  const blobs = await newBlobs();
  const store = storeOn(blobs);
  await store.append([person('ada'), faceOf('ada')]);
  await store.append([person('bob'), faceOf('bob')]);
  expect(store.erasureDue).toBe(false);
  await store.append([{ type: 'person-removed', person: 'ada', at: Bun.randomUUIDv7() }]);
  expect(store.erasureDue).toBe(true);
  expect(await store.compact()).toBe(3);
  expect(store.erasureDue).toBe(false);
  const segments = await blobs.list('segments/');
  expect(segments).toHaveLength(1);
  const stored = await blobs.get(segments[0]!.key);
  const text = new TextDecoder('latin1').decode(stored?.body);
  expect(text).toContain('bob');
  expect(text).not.toContain('"type":"face","person":"ada"');
  const fresh = storeOn(blobs);
  await fresh.refresh();
  expect(names(fresh)).toEqual(['bob']);
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
    keepEmbeddings: true,
    onDamaged: segment => damaged.push(segment),
  });
  await reader.refresh();
  expect(names(reader)).toEqual(['ada', 'bob']);
  expect(damaged).toEqual([torn]);
  expect(await reader.compact()).toBe(2);
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
    keepEmbeddings: false,
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
