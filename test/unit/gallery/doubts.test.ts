import { expect, test } from 'bun:test';
import { pack } from '../../../src/core/embedding.ts';
import { normalise } from '../../../src/face/embed.ts';
import { GalleryDoubts } from '../../../src/gallery/doubts.ts';
import { GalleryStore } from '../../../src/gallery/store.ts';
import { MemoryBlobs } from '../web/support.ts';

/** A face in the direction of so many degrees: the cosine of two is that of their difference. */
function face(person: string, degrees: number, model = 'm') {
  const angle = (degrees * Math.PI) / 180;
  const embedding = pack(normalise(new Float32Array([Math.cos(angle), Math.sin(angle), 0])).embedding);
  const id = Bun.randomUUIDv7();
  return { type: 'face', person, face: id, file: 'a.jpg', model, quality: 3, embedding } as const;
}
const person = (id: string) => ({ type: 'person', person: id, name: id, at: Bun.randomUUIDv7() }) as const;

test('a face under the wrong person, and a photo enrolled twice, are pointed out; others are not', async () => {
  const blobs = new MemoryBlobs();
  const store = new GalleryStore({ blobs });
  const ada = [face('ada', 0), face('ada', 45), face('ada', 178)];
  const bob = [face('bob', 180), face('bob', 181)];
  const cy = [face('cy', 268), face('cy', 0, 'another model')];
  await store.append([person('ada'), person('bob'), person('cy'), ...ada, ...bob, ...cy]);
  const doubts = new GalleryDoubts(blobs);
  const of = (id: string) => doubts.of(store.gallery.person(id)!);
  expect(await of('ada')).toMatchObject([
    { kind: 'closer-to-another', face: ada[2]!.face, other: { person: 'bob', face: bob[0]!.face } },
    { kind: 'near-duplicate', face: ada[2]!.face, other: { person: 'bob' } },
  ]);
  expect((await of('bob')).filter(({ other }) => other.person === 'bob')).toMatchObject([
    { kind: 'near-duplicate', face: bob[0]!.face },
    { kind: 'near-duplicate', face: bob[1]!.face },
  ]);
  expect(await of('cy')).toEqual([]);
  await store.append([{ type: 'face-removed', face: ada[2]!.face, at: Bun.randomUUIDv7() }]);
  expect(await of('ada')).toEqual([]);
  expect((await of('bob')).every(({ other }) => other.person === 'bob')).toBe(true);
});
