import { expect, test } from 'bun:test';
import { pictureKey } from '../../../src/gallery/erase.ts';
import type { FaceEvent } from '../../../src/gallery/events.ts';
import { GalleryStore } from '../../../src/gallery/store.ts';
import { photo, problem, rig } from './support.ts';

const merge = (from: string) => ({ method: 'POST', body: JSON.stringify({ from }) });

async function withTwo() {
  const world = rig();
  const { app, work } = world;
  for (const id of ['ann', 'anna']) {
    await app.request(`/people/${id}`, { method: 'PUT' });
    await app.request(`/people/${id}/faces`, photo(`${id}.jpg`));
    await work();
  }
  return world;
}

test('the faces of one become faces of the other, with their embeddings; photos of the one are gone', async () => {
  const { app, gallery, input, log } = await withTwo();
  const answer = await app.request('/people/ann/merge', merge('anna'));
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({
    id: 'ann',
    faces: [{ file: 'ann.jpg' }, { file: 'anna.jpg', quality: 9 }],
  });
  expect(await problem(await app.request('/people/anna'))).toBe('404 unknown-person');
  const added: FaceEvent[] = [];
  const elsewhere = new GalleryStore({
    blobs: gallery,
    onChange: change => 'added' in change && added.push(change.added),
  });
  await elsewhere.refresh();
  const live = added.filter(({ face }) => elsewhere.gallery.holds(face));
  expect(live.map(({ person, file }) => [person, file])).toEqual([
    ['ann', 'ann.jpg'],
    ['ann', 'anna.jpg'],
  ]);
  expect(live[1]?.embedding).toEqual(live[0]!.embedding);
  expect([...input.objects.keys()].map(key => key.slice(37))).toEqual(['ann.jpg']);
  const audited = log.lines.filter(({ event }) => event === 'audit').map(({ fields }) => fields.action);
  expect(audited).toEqual(['person-deleted', 'people-merged']);
});

test('pictures go along with their faces', async () => {
  const { app, gallery, people } = await withTwo();
  const [before] = people.gallery.person('anna')!.faces;
  await gallery.put(pictureKey(before!.face), new Uint8Array([1]));
  await app.request('/people/ann/merge', merge('anna'));
  const faces = people.gallery.person('ann')!.faces.map(({ face }) => face);
  const pictures = [...gallery.objects.keys()].filter(key => key.startsWith('faces/'));
  expect(pictures).toEqual([pictureKey(faces[1]!)]);
  const response = await app.request(`/people/ann/faces/${faces[1]}/photo`);
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(new Uint8Array([1]));
});

test('a merge that was broken off goes on where it was, and doubles no face', async () => {
  const { app, gallery, people } = await withTwo();
  const [before] = people.gallery.person('anna')!.faces;
  await gallery.put(pictureKey(before!.face), new Uint8Array([1]));
  const put = gallery.put.bind(gallery);
  gallery.put = async (key, ...rest) => {
    if (key.startsWith('faces/')) throw new Error('the disk is full');
    return put(key, ...rest);
  };
  expect((await app.request('/people/ann/merge', merge('anna'))).status).toBe(500);
  gallery.put = put;
  expect(people.gallery.person('ann')!.faces).toHaveLength(2);
  expect((await app.request('/people/ann/merge', merge('anna'))).status).toBe(200);
  const faces = people.gallery.person('ann')!.faces;
  expect(faces.map(({ file }) => file)).toEqual(['ann.jpg', 'anna.jpg']);
  expect(gallery.objects.has(pictureKey(faces[1]!.face))).toBe(true);
  expect(people.gallery.person('anna')).toBeUndefined();
});

test('somebody without faces can be merged', async () => {
  const { app } = await withTwo();
  await app.request('/people/empty', { method: 'PUT' });
  expect((await app.request('/people/ann/merge', merge('empty'))).status).toBe(200);
  expect((await app.request('/people/empty')).status).toBe(404);
});

test.each([
  ['/people/ann/merge', merge('ann'), '400 invalid-merge'],
  ['/people/ann/merge', merge('nobody'), '404 unknown-person'],
  ['/people/nobody/merge', merge('ann'), '404 unknown-person'],
  ['/people/ann/merge', { method: 'POST', body: '{}' }, '400 invalid-json'],
])('%s refused, and nothing changed', async (path, init, expected) => {
  const { app } = await withTwo();
  expect(await problem(await app.request(path, init))).toBe(expected);
  const { people } = (await (await app.request('/people')).json()) as { people: { faces: unknown[] }[] };
  expect(people.map(({ faces }) => faces.length)).toEqual([1, 1]);
});
