import { describe, expect, test } from 'bun:test';
import { GalleryStore } from '../../../src/gallery/store.ts';
import { decode } from './decode.ts';
import { failed, failure, jpeg, multipart, photo, problem, queued, rig, settle } from './support.ts';

const put = (body?: string) => ({ method: 'PUT', ...(body !== undefined && { body }) });
const remove = { method: 'DELETE' };

async function withAnn() {
  const world = rig();
  expect((await world.app.request('/people/ann', put('{"name":"Ann"}'))).status).toBe(201);
  const enrol = async (file = 'ann.jpg') => {
    const answer = world.app.request('/people/ann/faces?wait=30', photo(file));
    await world.work();
    return answer;
  };
  return { ...world, enrol };
}

describe('people', () => {
  test('are created, changed, shown and deleted', async () => {
    const { app } = await withAnn();
    const created = await app.request('/people/b%20ö', put());
    expect(created.status).toBe(201);
    expect(created.headers.get('location')).toBe('/people/b%20%C3%B6');
    expect(await created.json()).toEqual({ id: 'b ö', name: 'b ö', faces: [] });
    const changed = await app.request('/people/ann', put('{"name":"Ann B."}'));
    expect([changed.status, await changed.json()]).toEqual([200, { id: 'ann', name: 'Ann B.', faces: [] }]);
    expect(await (await app.request('/people')).json()).toEqual({
      people: [
        { id: 'ann', name: 'Ann B.', faces: [] },
        { id: 'b ö', name: 'b ö', faces: [] },
      ],
    });
    expect(await (await app.request('/people/b%20ö')).json()).toMatchObject({ id: 'b ö' });
    expect((await app.request('/people/ann', remove)).status).toBe(204);
    expect(await problem(await app.request('/people/ann'))).toBe('404 unknown-person');
    expect(await problem(await app.request('/people/ann', remove))).toBe('404 unknown-person');
    expect((await app.request('/people/ann', put())).status).toBe(201);
  });

  test('keep their name when put again without one, and nothing is written', async () => {
    const { app, gallery } = await withAnn();
    const before = gallery.objects.size;
    for (const body of [undefined, '', '{}', '{"name":"Ann"}']) {
      const response = await app.request('/people/ann', put(body));
      expect([response.status, await response.json()]).toEqual([200, { id: 'ann', name: 'Ann', faces: [] }]);
    }
    expect(gallery.objects.size).toBe(before);
  });

  test.each([
    ['/people/a%2Fb', undefined, '400 invalid-person-id'],
    ['/people/%2e%2e%5cb', undefined, '400 invalid-person-id'],
    ['/people/a:b', undefined, '400 invalid-person-id'],
    ['/people/a%0Ab', undefined, '400 invalid-person-id'],
    ['/people/%20a', undefined, '400 invalid-person-id'],
    [`/people/${'x'.repeat(65)}`, undefined, '400 invalid-person-id'],
    ['/people/unknown', undefined, '400 invalid-person-name'],
    ['/people/a', '{"name":"a:b"}', '400 invalid-person-name'],
    ['/people/a', '{"name":"no-face"}', '400 invalid-person-name'],
    ['/people/a', '{"name":""}', '400 invalid-person-name'],
    ['/people/a', '{"name":5}', '400 invalid-json'],
    ['/people/a', '{"nmae":"a"}', '400 invalid-json'],
    ['/people/a', '[]', '400 invalid-json'],
    ['/people/a', '{', '400 invalid-json'],
    ['/people/a', ' '.repeat(20_000), '413 too-large'],
  ])('%s with %j is refused', async (path, body, expected) => {
    const { app, gallery } = rig();
    expect(await problem(await app.request(path, put(body)))).toBe(expected);
    expect(gallery.objects.size).toBe(0);
  });

  test('changed elsewhere are seen', async () => {
    const { app, gallery } = await withAnn();
    const elsewhere = new GalleryStore({ blobs: gallery });
    await elsewhere.append([{ type: 'person', person: 'bob', name: 'Bob', at: Bun.randomUUIDv7() }]);
    expect(await (await app.request('/people/bob')).json()).toMatchObject({ name: 'Bob' });
    await elsewhere.append([{ type: 'person-removed', person: 'ann', at: Bun.randomUUIDv7() }]);
    expect(await problem(await app.request('/people/ann/faces', photo()))).toBe('404 unknown-person');
  });

  test('removed later than put, by a clock ahead of ours: 409', async () => {
    const { app, gallery } = rig();
    const elsewhere = new GalleryStore({ blobs: gallery });
    const at = Bun.randomUUIDv7('hex', Date.now() + 60_000);
    await elsewhere.append([{ type: 'person-removed', person: 'ann', at }]);
    expect(await problem(await app.request('/people/ann', put()))).toBe('409 changed-meanwhile');
  });

  test('503 while the gallery is away', async () => {
    const { app, gallery } = rig();
    gallery.fail = failure('ENOSPC');
    expect(await problem(await app.request('/people/ann', put()))).toBe('503 storage-unavailable');
    expect(await problem(await app.request('/people'))).toBe('503 storage-unavailable');
  });
});

describe('enrolment', () => {
  test.each(['?box=1,2,30,40.4', ''])('of a face among several is told where it is: %j', async query => {
    const { app, requests } = await withAnn();
    const field = [{ disposition: 'name="box"', content: '1, 2, 30, 40' }];
    const file = { disposition: 'name="inputFile"; filename="a.jpg"', content: jpeg };
    await queued(
      await app.request(`/people/ann/faces${query}`, multipart(query ? [file] : [...field, file])),
    );
    expect(requests.bodies.map(decode)).toMatchObject([{ kind: 'enrol', box: [1, 2, 30, 40] }]);
  });

  test.each(['1,2,3', '1,2,3,4,5', '1,2,0,4', 'a,b,c,d', ',,,', '1,2,3,1e9'])(
    'box=%s is refused',
    async box => {
      const { app, requests } = await withAnn();
      expect(await problem(await app.request(`/people/ann/faces?box=${box}`, photo()))).toBe(
        '400 invalid-box',
      );
      expect(requests.bodies).toEqual([]);
    },
  );

  test('is queued, like any other request', async () => {
    const { app, requests, work } = await withAnn();
    const { id, result } = await queued(await app.request('/people/ann/faces', photo('a.jpg')));
    const trace = expect.any(String);
    const expected = { v: 1, kind: 'enrol', id, file: 'a.jpg', person: 'ann', trace } as const;
    expect(requests.bodies.map(decode)).toEqual([expected]);
    await work();
    expect(await (await app.request(result)).json()).toMatchObject({
      status: 'done',
      person: 'ann',
      face: id,
    });
    const text = await app.request(result, { headers: { accept: 'text/plain' } });
    expect(await text.text()).toBe('a:ann');
  });

  test('201 when done in time, and the face is shown', async () => {
    const { app, enrol } = await withAnn();
    const response = await enrol();
    expect(response.status).toBe(201);
    const location = response.headers.get('location') ?? '';
    const id = location.replace('/people/ann/faces/', '');
    const face = { id, file: 'ann.jpg', quality: 9, model: 'test-model' };
    expect(await (await app.request('/people')).json()).toEqual({
      people: [{ id: 'ann', name: 'Ann', faces: [face] }],
    });
    expect(await response.json()).toMatchObject({ status: 'done', face: id, person: 'ann' });
    expect(await (await app.request(location)).json()).toEqual(face);
  });

  test('202 when not in time, also on a server that replies with results', async () => {
    const { app, time } = rig({ reply: 'result' });
    await app.request('/people/ann', put());
    await queued(await app.request('/people/ann/faces', photo()));
    const answer = app.request('/people/ann/faces?wait=1', photo());
    await time.advance(1_000);
    await queued(await answer);
  });

  test('422 with the reason when there is no good face', async () => {
    const { app, work } = await withAnn();
    const answer = app.request('/people/ann/faces?wait=30', photo());
    await work(failed);
    const response = await answer;
    expect(await response.clone().json()).toMatchObject({ reason: 'no-face', detail: 'There is no face.' });
    expect(await problem(response)).toBe('422 photo-failed');
  });

  test('404 for nobody, with the photo unread; 4xx for bad uploads', async () => {
    const { app, input } = await withAnn();
    let pulled = 0;
    const body = new ReadableStream({ pull: () => void pulled++ }, { highWaterMark: 0 });
    expect(await problem(await app.request('/people/bob/faces', { ...photo(), body }))).toBe(
      '404 unknown-person',
    );
    expect(pulled).toBe(0);
    expect(await problem(await app.request('/people/ann/faces', photo('a.jpg', 'x')))).toBe(
      '415 unsupported-format',
    );
    expect(await problem(await app.request('/people/ann/faces?wait=x', photo()))).toBe('400 invalid-wait');
    expect(input.objects.size).toBe(0);
  });
});

describe('deletion', () => {
  test('of a face takes its photo and its result along', async () => {
    const { app, enrol, input, output } = await withAnn();
    const first = (await enrol('1.jpg')).headers.get('location') ?? '';
    await enrol('2.jpg');
    await app.request('/people/bob', put());
    expect(await problem(await app.request(first.replace('ann', 'bob'), remove))).toBe('404 unknown-face');
    expect((await app.request(first, remove)).status).toBe(204);
    expect([...input.objects.keys()].map(key => key.slice(37))).toEqual(['2.jpg']);
    expect([...output.objects.keys()].map(key => key.slice(37))).toEqual(['2.json']);
    expect(await problem(await app.request(first, remove))).toBe('404 unknown-face');
    expect(await (await app.request('/people/ann')).json()).toMatchObject({ faces: [{ file: '2.jpg' }] });
  });

  test('of a person takes everything along, and can be repeated when it failed', async () => {
    const { app, enrol, input, output } = await withAnn();
    await enrol('1.jpg');
    await enrol('2.jpg');
    output.fail = failure('EIO');
    expect(await problem(await app.request('/people/ann', remove))).toBe('503 storage-unavailable');
    await settle();
    output.fail = undefined;
    expect((await app.request('/people/ann', remove)).status).toBe(204);
    expect([input.objects.size, output.objects.size]).toEqual([0, 0]);
    expect(await (await app.request('/people')).json()).toEqual({ people: [] });
  });
});
