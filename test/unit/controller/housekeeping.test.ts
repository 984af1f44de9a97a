import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { compactGallery, expire, GalleryKeeper } from '../../../src/controller/housekeeping.ts';
import { pack } from '../../../src/core/embedding.ts';
import { pictureKey } from '../../../src/gallery/erase.ts';
import type { GalleryEvent } from '../../../src/gallery/events.ts';
import { GalleryStore } from '../../../src/gallery/store.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const DAY_MS = 86_400_000;
const person = (id: string): GalleryEvent => ({
  type: 'person',
  person: id,
  name: id,
  at: Bun.randomUUIDv7(),
});

test('old objects are deleted, young ones stay', async () => {
  const directory = join(temporaryDirectory(), 'blobs');
  const now = Date.now();
  const old = await LocalBlobs.open(directory, { now: () => now - 8 * DAY_MS });
  await old.put('old/a.jpg', new Uint8Array(1));
  const young = await LocalBlobs.open(directory, { now: () => now - 6 * DAY_MS });
  await young.put('young/a.jpg', new Uint8Array(1));
  expect(await expire(young, 7, now)).toBe(1);
  expect((await young.list('')).map(({ key }) => key)).toEqual(['young/a.jpg']);
});

test('a gallery is compacted at once after a removal, else when there are many segments', async () => {
  const blobs = await LocalBlobs.open(join(temporaryDirectory(), 'gallery'));
  const writer = new GalleryStore({ blobs });
  const housekeeper = new GalleryStore({ blobs });
  const keep = async () => {
    await housekeeper.refresh();
    await compactGallery(housekeeper, silentLog, Date.now());
    return (await blobs.list('segments/')).length;
  };
  const embedding = pack(new Float32Array([1, 2]));
  const face = {
    type: 'face',
    person: 'ada',
    face: Bun.randomUUIDv7(),
    file: 'a',
    model: 'm',
    quality: 3,
  } as const;
  await writer.append([person('ada')]);
  await writer.append([{ ...face, embedding }]);
  expect(await keep()).toBe(2);
  await writer.append([{ type: 'person-removed', person: 'ada', at: Bun.randomUUIDv7() }]);
  // What the first two said has gone; the removal is remembered.
  expect(await keep()).toBe(1);
  expect(await keep()).toBe(1);
  for (let i = 0; i < 40; i++) await writer.append([person(`p${i}`)]);
  expect(await keep()).toBe(1);
  const reader = new GalleryStore({ blobs });
  await reader.refresh();
  expect(reader.gallery.people()).toHaveLength(40);
});

test('embeddings survive a compaction by a housekeeper that forgets them', async () => {
  const blobs = await LocalBlobs.open(join(temporaryDirectory(), 'gallery'));
  const writer = new GalleryStore({ blobs });
  const embedding = pack(new Float32Array([1, 2, 3]));
  const face = { type: 'face', person: 'ada', file: 'a', model: 'm', quality: 3, embedding } as const;
  await writer.append([person('ada')]);
  for (let i = 0; i < 40; i++) await writer.append([{ ...face, face: Bun.randomUUIDv7() }]);
  const housekeeper = new GalleryStore({ blobs });
  await housekeeper.refresh();
  await compactGallery(housekeeper, silentLog, Date.now());
  const kept: unknown[] = [];
  const reader = new GalleryStore({
    blobs,
    onChange: change => 'added' in change && kept.push(change.added.embedding),
  });
  await reader.refresh();
  expect(kept).toEqual(new Array(40).fill(embedding));
});

test('pictures and photos of removed faces are erased, also of those that came after their removal', async () => {
  const open = (name: string) => LocalBlobs.open(join(temporaryDirectory(), name));
  const [gallery, input, output] = await Promise.all(['gallery', 'input', 'output'].map(open));
  const writer = new GalleryStore({ blobs: gallery! });
  const keeper = new GalleryKeeper(gallery!, { input: input!, output: output! });
  const embedding = pack(new Float32Array([1, 2]));
  const face = { type: 'face', person: 'ada', file: 'a', model: 'm', quality: 3, embedding } as const;
  const [gone, late, stays] = [Bun.randomUUIDv7(), Bun.randomUUIDv7(), Bun.randomUUIDv7()];
  await writer.append([person('ada'), { ...face, face: gone }, { ...face, face: stays }]);
  for (const id of [gone, late, stays]) {
    await gallery!.put(pictureKey(id), new Uint8Array(1));
    await input!.put(`${id}/a.jpg`, new Uint8Array(1));
  }
  for (const id of [gone, late])
    await writer.append([{ type: 'face-removed', face: id, at: Bun.randomUUIDv7() }]);
  await writer.append([{ ...face, face: late }]);
  await keeper.store.refresh();
  await keeper.erasePhotos();
  expect((await gallery!.list('faces/')).map(({ key }) => key)).toEqual([pictureKey(stays)]);
  expect((await input!.list('')).map(({ key }) => key)).toEqual([`${stays}/a.jpg`]);
});
