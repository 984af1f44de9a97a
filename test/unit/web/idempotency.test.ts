import { describe, expect, test } from 'bun:test';
import { derivedId, idFor } from '../../../src/web/idempotency.ts';
import { decode } from './decode.ts';
import { failure, jpeg, MemoryBlobs, photo, problem, queued, rig, withHeaders } from './support.ts';

const keyed = (key: string, init = photo()) => withHeaders(init, { 'idempotency-key': key });

describe('Idempotency-Key', () => {
  test('gives the same content the same id, also when the result is there, and queues it once then', async () => {
    const { app, requests, work } = rig();
    const { id } = await queued(await app.request('/', keyed('k')));
    await work();
    expect((await queued(await app.request('/', keyed('"k"')))).id).toBe(id);
    expect(requests.bodies).toEqual([]);
    const waited = await app.request('/?wait=30', keyed('k'));
    expect([waited.status, await waited.json()]).toEqual([200, expect.objectContaining({ id })]);
    expect((await queued(await app.request('/', keyed('other')))).id).not.toBe(id);
    expect((await queued(await app.request('/', photo()))).id).not.toBe(id);
  });

  test('refuses other content: photo, name, threshold', async () => {
    const { app, requests } = rig();
    await queued(await app.request('/', keyed('k')));
    const others: [string, RequestInit][] = [
      ['/', photo('photo.jpg', Buffer.concat([jpeg, jpeg]))],
      ['/', photo('other.jpg')],
      ['/?threshold=0.5', photo()],
    ];
    for (const [path, init] of others)
      expect(await problem(await app.request(path, keyed('k', init)))).toBe('422 idempotency-key-reused');
    expect(requests.bodies).toHaveLength(1);
  });

  test('holds for 24 hours', async () => {
    const { app, time } = rig();
    const { id } = await queued(await app.request('/', keyed('k')));
    time.ms += 24 * 3_600_000 - 1;
    expect((await queued(await app.request('/', keyed('k')))).id).toBe(id);
    time.ms += 1;
    expect((await queued(await app.request('/', keyed('k', photo('other.jpg'))))).id).not.toBe(id);
  });

  test('is another one for another caller and another address', async () => {
    const { app, access } = rig();
    await app.request('/people/ann', { method: 'PUT' });
    const [a, b] = await Promise.all(
      ['a', 'b'].map(name => access.keyring.create({ name, scopes: ['admin'] })),
    );
    const post = async (token: string, path = '/') =>
      queued(await app.request(path, withHeaders(keyed('k'), { authorization: `Bearer ${token}` })));
    const ids = [await post(a!.token), await post(b!.token), await post(a!.token, '/people/ann/faces')];
    expect(new Set(ids.map(({ id }) => id)).size).toBe(3);
  });

  test('makes one id of fifty requests at the same time', async () => {
    const { app, requests, input } = rig();
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => queued(await app.request('/', keyed('k')))),
    );
    const ids = new Set(answers.map(({ id }) => id));
    expect(ids.size).toBe(1);
    expect(new Set(requests.bodies.map(body => decode(body).id))).toEqual(ids);
    expect(input.objects.size).toBe(1);
  });

  test('finishes with the same id what a crash or a full disk left half done', async () => {
    const { app, requests, input } = rig();
    requests.fail = failure('EIO');
    expect(await problem(await app.request('/', keyed('k')))).toBe('503 storage-unavailable');
    requests.fail = undefined;
    const { id } = await queued(await app.request('/', keyed('k')));
    expect(requests.bodies.map(body => decode(body).id)).toEqual([id]);
    expect([...input.objects.keys()]).toEqual([`${id}/photo.jpg`]);
  });

  test('lets a failure take no photo away that another one with the same key was accepted with', async () => {
    const { app, requests, input } = rig();
    const { id } = await queued(await app.request('/', keyed('k')));
    requests.fail = failure('EIO');
    expect(await problem(await app.request('/', keyed('k')))).toBe('503 storage-unavailable');
    expect([...input.objects.keys()]).toEqual([`${id}/photo.jpg`]);
  });

  test.each(['', ' ', '""', 'ä', 'x'.repeat(256), 'a\tb'])('must be printable: %j', async key => {
    const use = { key, scope: '', content: [], newId: Bun.randomUUIDv7, now: Date.now };
    await expect(idFor(new MemoryBlobs(), use)).rejects.toMatchObject({ slug: 'invalid-idempotency-key' });
  });
});

test('ids that are derived are UUIDs of version 7 of the same time, and differ', () => {
  const base = Bun.randomUUIDv7();
  const ids = Array.from({ length: 1_000 }, (_, n) => derivedId(base, n));
  expect(new Set(ids).size).toBe(1_000);
  for (const id of ids) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(id.slice(0, 13)).toBe(base.slice(0, 13));
  }
});
