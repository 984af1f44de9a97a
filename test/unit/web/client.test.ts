import { expect, test } from 'bun:test';
import { FacerecClient } from '../../../src/client/client.ts';
import type { PeopleQuery } from '../../../src/client/types.ts';
import type { Request as PhotoRequest } from '../../../src/core/messages.ts';
import type { Result } from '../../../src/core/results.ts';
import { pictureKey } from '../../../src/gallery/erase.ts';
import { done, failed, jpeg, rig } from './support.ts';

const photo = new Uint8Array(jpeg);

/** A client of an application without a port, whose worker answers as soon as something is queued. */
function connected(key?: string, answer?: (request: PhotoRequest) => Result) {
  const world = rig({}, { now: Date.now });
  const client = new FacerecClient({
    url: 'http://localhost:8000',
    ...(key !== undefined && { key }),
    fetch: async (url, init) => {
      const answering = world.app.request(url.href, init);
      await world.work(...(answer ? [answer] : []));
      return answering;
    },
  });
  return { ...world, client };
}

test('the client recognises, waits, and lists results', async () => {
  const { client } = connected();
  const result = await client.recognise('a.jpg', photo, { threshold: 0.5 });
  expect(result).toMatchObject({ status: 'done', file: 'a.jpg', label: 'Ann', threshold: 0.5 });
  const { id } = await client.submit('b.jpg', photo, { idempotencyKey: 'k' });
  expect((await client.submit('b.jpg', photo, { idempotencyKey: 'k' })).id).toBe(id);
  expect(await client.wait(id)).toMatchObject({ id });
  const files: string[] = [];
  for await (const { file } of client.results({ limit: 1, status: 'done' })) files.push(file);
  expect(files).toEqual(['b.jpg', 'a.jpg']);
});

test('the client finds people, page by page', async () => {
  const { client } = connected();
  for (const name of ['Zoë', 'Ben', 'Ada', 'Adam']) await client.putPerson(name.toLowerCase(), name);
  const names = async (query?: PeopleQuery) => {
    const found: string[] = [];
    for await (const { name } of client.findPeople(query)) found.push(name);
    return found;
  };
  expect(await names()).toEqual(['Ada', 'Adam', 'Ben', 'Zoë']);
  expect(await names({ limit: 1 })).toEqual(['Ada', 'Adam', 'Ben', 'Zoë']);
  expect(await names({ q: 'ada', limit: 1 })).toEqual(['Ada', 'Adam']);
  expect(await names({ q: 'nobody' })).toEqual([]);
});

test('the client enrols one face of several', async () => {
  const asked: PhotoRequest[] = [];
  const { client } = connected(undefined, request => {
    asked.push(request);
    return done(request);
  });
  await client.putPerson('ann');
  await client.enrol('ann', 'group.jpg', photo, { box: [10.4, 20, 30, 40.6] });
  expect(asked).toMatchObject([{ kind: 'enrol', box: [10, 20, 30, 41] }]);
});

test('the client keeps people and faces', async () => {
  const { client, gallery } = connected();
  expect(await client.putPerson('b ö', 'Ben')).toEqual({ id: 'b ö', name: 'Ben', faces: [] });
  const { face } = await client.enrol('b ö', 'ben.jpg', photo);
  expect(await client.people()).toMatchObject([{ id: 'b ö', faces: [{ id: face, file: 'ben.jpg' }] }]);
  await expect(client.facePhoto('b ö', face)).rejects.toMatchObject({ status: 404, problem: 'no-picture' });
  await gallery.put(pictureKey(face), photo);
  const picture = await client.facePhoto('b ö', face);
  expect([picture.type, await picture.bytes()]).toEqual(['image/jpeg', photo]);
  await client.deleteFace('b ö', face);
  expect((await client.person('b ö')).faces).toEqual([]);
  await client.deletePerson('b ö');
  await expect(client.person('b ö')).rejects.toMatchObject({ status: 404, problem: 'unknown-person' });
});

test('the client sends batches and keeps webhooks', async () => {
  const { client } = connected();
  const { files } = await client.batch([
    { file: 'a.jpg', photo },
    { file: 'b.txt', photo: new TextEncoder().encode('text') },
  ]);
  expect(files.map(({ status }) => status)).toEqual(['queued', 'refused']);
  const { secret } = await client.putWebhook('door', { url: 'https://example.org/' });
  expect(secret).toStartWith('whsec_');
  expect(await client.webhooks()).toMatchObject([{ id: 'door', url: 'https://example.org/' }]);
  expect(await client.replay('door', new Date(0))).toBe(1);
  await client.deleteWebhook('door');
  expect(await client.webhooks()).toEqual([]);
});

test('the client sends its key, and tells why it was refused', async () => {
  const { client, access, app } = connected();
  const { token } = await access.keyring.create({ name: 'x', scopes: ['people'] });
  await expect(client.people()).rejects.toMatchObject({ status: 401, problem: 'unauthorized' });
  const fetch = async (url: URL, init: RequestInit) => app.request(url.href, init);
  const keyed = new FacerecClient({ url: new URL('http://localhost'), key: token, fetch });
  expect(await keyed.people()).toEqual([]);
  await expect(keyed.submit('a.jpg', photo)).rejects.toMatchObject({ status: 403, problem: 'forbidden' });
});

test('an enrolment that fails rejects with the reason', async () => {
  const { client } = connected(undefined, failed);
  await client.putPerson('ann');
  await expect(client.enrol('ann', 'a.jpg', photo)).rejects.toMatchObject({
    problem: 'photo-failed',
    details: { reason: 'no-face' },
  });
});
