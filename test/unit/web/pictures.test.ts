import { expect, test } from 'bun:test';
import { pictureKey } from '../../../src/gallery/erase.ts';
import { photo, problem, rig } from './support.ts';

const picture = new Uint8Array([0xff, 0xd8, 0xff, 7]);

async function withPicture() {
  const world = rig();
  const { app, work, people, gallery } = world;
  await app.request('/people/ann', { method: 'PUT' });
  await app.request('/people/ann/faces', photo());
  await work();
  const { face } = people.gallery.person('ann')!.faces[0]!;
  await gallery.put(pictureKey(face), picture);
  return { ...world, face, path: `/people/ann/faces/${face}/photo` };
}

test('the picture of a face is shown, and asked for again before it is shown again', async () => {
  const { app, path } = await withPicture();
  const response = await app.request(path);
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(picture);
  expect(response.headers.get('cache-control')).toBe('private, no-cache');
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  const headers = { 'if-none-match': response.headers.get('etag') ?? '' };
  const again = await app.request(path, { headers });
  expect([again.status, await again.text()]).toEqual([304, '']);
  expect((await app.request(path, { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
});

test('a face of an earlier version has none, nor has a stranger', async () => {
  const { app, path, face, gallery } = await withPicture();
  await app.request('/people/bob', { method: 'PUT' });
  expect(await problem(await app.request(path.replace('ann', 'bob')))).toBe('404 unknown-face');
  expect(await problem(await app.request(path.replace('ann', 'eve')))).toBe('404 unknown-person');
  await gallery.delete(pictureKey(face));
  expect(await problem(await app.request(path))).toBe('404 no-picture');
});

test('a key needs the scope', async () => {
  const { app, path, access } = await withPicture();
  const get = async (scope: 'people' | 'recognise') => {
    const { token } = await access.keyring.create({ name: scope, scopes: [scope] });
    return app.request(path, { headers: { 'x-api-key': token } });
  };
  expect((await get('people')).status).toBe(200);
  expect(await problem(await get('recognise'))).toBe('403 forbidden');
  expect(await problem(await app.request(path))).toBe('401 unauthorized');
});

test.each(['', '/faces/:face'])('DELETE /people/ann%s takes it along', async under => {
  const { app, face, gallery } = await withPicture();
  const path = `/people/ann${under.replace(':face', face)}`;
  expect((await app.request(path, { method: 'DELETE' })).status).toBe(204);
  expect(gallery.objects.has(pictureKey(face))).toBe(false);
});
