import { describe, expect, test } from 'bun:test';
import type { Request as PhotoRequest } from '../../../src/core/messages.ts';
import type { Recognised, Result } from '../../../src/core/results.ts';
import { pictureKey } from '../../../src/gallery/erase.ts';
import { similarityOf } from '../../../src/web/compreface/answers.ts';
import { done, faceOf, failed, jpeg, multipart, problem, rig } from './support.ts';

const BASE = '/api/v1/recognition';
const file = multipart([{ disposition: 'name="file"; filename="a.jpg"', content: jpeg }]);
const base64 = (content = Buffer.from(jpeg).toString('base64')) => ({
  method: 'POST',
  body: JSON.stringify({ file: content }),
  headers: { 'content-type': 'application/json' },
});
const subjectBody = (subject: string, method = 'POST') => ({
  method,
  body: JSON.stringify({ subject }),
  headers: { 'content-type': 'application/json' },
});

function twoFaces(request: PhotoRequest): Recognised {
  const landmarks = Array(5).fill([10.4, 20.6]) as [number, number][];
  const face = {
    box: [547.6, 295.2, 872, 1072.9] as [number, number, number, number],
    landmarks,
    quality: 3,
  };
  return {
    ...{ id: request.id, file: request.file, status: 'done', label: 'Ann', model: 'm', threshold: 0.4 },
    image: { width: 2000, height: 2000 },
    timings: { detect: 3, embed: 9, total: 20 },
    faces: [
      { ...face, score: 1, person: 'ann', label: 'Ann', similarity: 0.7, margin: 0.5 },
      { ...face, score: 0.8, label: 'unknown', similarity: 0.1, margin: 0.02 },
    ],
  };
}

/** With every request answered by the worker while it is held, and a key where it is asked for. */
async function compreface(answer: (request: PhotoRequest) => Result = done) {
  const world = rig();
  const { token } = await world.access.keyring.create({
    name: 'double-take',
    scopes: ['recognise', 'people'],
  });
  const call = async (path: string, init: RequestInit = {}) => {
    const headers = { 'x-api-key': token, ...Object.fromEntries(new Headers(init.headers)) };
    const answering = world.app.request(`${BASE}${path}`, { ...init, headers });
    await world.work(answer);
    return answering;
  };
  const json = async (path: string, init?: RequestInit) => (await call(path, init)).json();
  return { ...world, call, json };
}

describe('the documented requests of CompreFace', () => {
  test('add, list, rename and delete subjects', async () => {
    const { call, json } = await compreface();
    const added = await call('/subjects', subjectBody('Ada Lovelace'));
    expect([added.status, await added.json()]).toEqual([201, { subject: 'Ada Lovelace' }]);
    expect(await json('/subjects', subjectBody('Ada Lovelace'))).toEqual({ subject: 'Ada Lovelace' });
    await call('/subjects', subjectBody('Ben/Benny'));
    expect(await json('/subjects/')).toEqual({ subjects: ['Ada Lovelace', 'Ben/Benny'] });
    expect(await json('/subjects/Ada%20Lovelace', subjectBody('Ada', 'PUT'))).toEqual({ updated: true });
    expect(await json('/subjects/Ben%2FBenny', { method: 'DELETE' })).toEqual({ subject: 'Ben/Benny' });
    expect(await json('/subjects')).toEqual({ subjects: ['Ada'] });
    expect(await json('/subjects', { method: 'DELETE' })).toEqual({ deleted: 1 });
    expect(await json('/subjects')).toEqual({ subjects: [] });
  });

  test('add faces as file and in base64, with their subject', async () => {
    const { call, json } = await compreface();
    const added = await call('/faces?subject=Ada&det_prob_threshold=0.8', file);
    expect(added.status).toBe(201);
    const { image_id } = (await added.json()) as { image_id: string };
    expect(image_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await json('/faces?subject=Ada', base64())).toMatchObject({ subject: 'Ada' });
    await json(
      '/faces?subject=Ben',
      base64(`data:image/jpeg;base64,${Buffer.from(jpeg).toString('base64')}`),
    );

    const page = await json('/faces?page=0&size=2');
    expect(page).toMatchObject({ page_number: 0, page_size: 2, total_pages: 2, total_elements: 3 });
    expect((page as { faces: object[] }).faces[0]).toEqual({ image_id, subject: 'Ada' });
    expect(await json('/faces?page=1&size=2')).toMatchObject({ faces: [{ subject: 'Ben' }] });
    expect(await json('/faces')).toMatchObject({ page_size: 20, total_pages: 1 });

    expect(await json('/faces/', base64())).toMatchObject({ message: 'The parameter subject is missing.' });
    expect(await json(`/faces/${image_id}`, { method: 'DELETE' })).toEqual({ image_id, subject: 'Ada' });
    expect(await problem(await call(`/faces/${image_id}`, { method: 'DELETE' }))).toBe('404 unknown-face');
    expect(await json('/faces?subject=Ada', { method: 'DELETE' })).toEqual({ deleted: 1 });
    expect(await json('/faces', { method: 'DELETE' })).toEqual({ deleted: 1 });
    expect(await json('/subjects')).toEqual({ subjects: ['Ada', 'Ben'] });
  });

  test('recognise the faces in a file', async () => {
    const { json } = await compreface(twoFaces);
    const query = 'limit=0&prediction_count=1&det_prob_threshold=0.5&face_plugins=landmarks,age&status=true';
    const landmarks = Array(5).fill([10, 21]);
    const box = { probability: 1, x_max: 1420, y_max: 1368, x_min: 548, y_min: 295 };
    const execution_time = { detector: 3, calculator: 9 };
    expect(await json(`/recognize?${query}`, file)).toEqual({
      result: [
        { box, landmarks, subjects: [{ subject: 'Ann', similarity: 0.98016 }], execution_time },
        { box: { ...box, probability: 0.8 }, landmarks, subjects: [], execution_time },
      ],
      plugins_versions: { detector: 'm', calculator: 'm' },
    });
  });

  test('recognise in base64, and leave out what was not asked for', async () => {
    const { json } = await compreface(twoFaces);
    const faces = async (query: string) =>
      ((await json(`/recognize${query}`, base64())) as { result: object[] }).result;
    const [first, second] = await faces('');
    expect(Object.keys(first!)).toEqual(['box', 'subjects']);
    expect(second).toMatchObject({ subjects: [] });
    expect(await faces('?limit=1')).toHaveLength(1);
    expect(await faces('?det_prob_threshold=0.9')).toHaveLength(1);
  });
});

/** With a face of Ada and one of Ben, and what the façade calls them. */
async function withImages(answer?: (request: PhotoRequest) => Result) {
  const world = await compreface(answer);
  const add = async (subject: string) => {
    const id = Bun.randomUUIDv7();
    const person = subject.toLowerCase();
    await world.people.append([
      { type: 'person', person, name: subject, at: Bun.randomUUIDv7() },
      { ...faceOf({ id, file: 'a.jpg', person }), model: 'm' },
    ]);
    await world.gallery.put(pictureKey(id), new TextEncoder().encode(`picture of ${subject}`));
    return id;
  };
  return { ...world, ada: await add('Ada'), ben: await add('Ben') };
}

describe('images of subjects', () => {
  test('are downloaded by id; where there is none, no bytes come', async () => {
    const { call, ada, gallery } = await withImages();
    const response = await call(`/faces/${ada}/img`);
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      ...[200, 'image/jpeg', 'picture of Ada'],
    ]);
    expect(response.headers.get('cache-control')).toBe('private, no-cache');
    await gallery.delete(pictureKey(ada));
    for (const id of [ada, Bun.randomUUIDv7(), 'x'])
      expect(await (await call(`/faces/${id}/img`)).text()).toBe('');
  });

  test('are shown by an address that holds the key, and by no other', async () => {
    const { app, access, ada, log } = await withImages();
    const at = (key: string) => app.request(`/api/v1/static/${key}/images/${ada}`);
    const key = async (scope: 'people' | 'recognise') =>
      (await access.keyring.create({ name: scope, scopes: [scope] })).token;
    const token = await key('people');
    expect(await (await at(token)).text()).toBe('picture of Ada');
    expect(await problem(await at('facerec_wrong'))).toBe('401 unauthorized');
    expect(await problem(await at(await key('recognise')))).toBe('403 forbidden');
    const cookie = { cookie: `facerec_session=${token}`, authorization: `Bearer ${token}` };
    const other = await app.request(`/api/v1/static/x/images/${ada}`, { headers: cookie });
    expect(await problem(other)).toBe('401 unauthorized');
    expect(JSON.stringify(log.lines)).not.toContain(token);
  });

  test('are compared with the faces of a photo', async () => {
    const asked: PhotoRequest[] = [];
    const { call, json, ben } = await withImages(request => {
      asked.push(request);
      const result = twoFaces(request);
      return { ...result, faces: result.faces.map((face, i) => ({ ...face, against: i === 0 ? 0.7 : 0.1 })) };
    });
    const box = { probability: 1, x_max: 1420, y_max: 1368, x_min: 548, y_min: 295 };
    expect(await json(`/faces/${ben}/verify?limit=1&det_prob_threshold=0.5&status=false`, file)).toEqual({
      result: [{ box, subject: 'Ben', similarity: 0.98016 }],
    });
    expect(asked).toMatchObject([{ kind: 'recognise', against: ben }]);
    const landmarks = Array(5).fill([10, 21]);
    expect(await json(`/faces/${ben}/verify?face_plugins=landmarks&status=true`, base64())).toMatchObject({
      result: [
        { similarity: 0.98016, landmarks, execution_time: { detector: 3 } },
        { subject: 'Ben', similarity: 0.01984, landmarks },
      ],
      plugins_versions: { detector: 'm' },
    });
    expect(await problem(await call(`/faces/${Bun.randomUUIDv7()}/verify`, file))).toBe('404 unknown-face');
  });

  test('are deleted by their ids; ids of nothing are passed over', async () => {
    const { call, json, ada, ben, gallery } = await withImages();
    const body = (ids: unknown) => ({ method: 'POST', body: JSON.stringify(ids) });
    expect(await json('/faces/delete', body([ada.toUpperCase(), ada, Bun.randomUUIDv7(), 'x']))).toEqual([
      { image_id: ada, subject: 'Ada' },
    ]);
    expect(await json('/faces')).toMatchObject({ faces: [{ image_id: ben }], total_elements: 1 });
    expect([...gallery.objects.keys()].filter(key => key.startsWith('faces/'))).toEqual([pictureKey(ben)]);
    expect(await json('/faces/delete', body([]))).toEqual([]);
    expect(await problem(await call('/faces/delete', body({ ids: [ben] })))).toBe('400 invalid-json');
    const many = Array.from({ length: 10_000 }, () => Bun.randomUUIDv7());
    expect(await json('/faces/delete', body([...many, ben]))).toEqual([{ image_id: ben, subject: 'Ben' }]);
  });

  test('of a subject that is renamed onto another one are that one’s', async () => {
    const { json, ada, gallery } = await withImages();
    expect(await json('/subjects/Ada', subjectBody('Ben', 'PUT'))).toEqual({ updated: true });
    expect(await json('/subjects')).toEqual({ subjects: ['Ben'] });
    const { faces } = (await json('/faces?subject=Ben')) as { faces: { image_id: string }[] };
    expect(faces).toHaveLength(2);
    const moved = faces[1]!.image_id;
    expect(gallery.objects.has(pictureKey(ada))).toBe(false);
    expect(new TextDecoder().decode((await gallery.get(pictureKey(moved)))!.body)).toBe('picture of Ada');
  });
});

test('faces are detected without being named', async () => {
  const { app, access, work } = await compreface();
  const { token } = await access.keyring.create({ name: 'x', scopes: ['recognise'] });
  const headers = { 'x-api-key': token, ...Object.fromEntries(new Headers(file.headers)) };
  const answer = app.request('/api/v1/detection/detect?limit=1', { ...file, headers });
  await work(twoFaces);
  const box = { probability: 1, x_max: 1420, y_max: 1368, x_min: 548, y_min: 295 };
  expect(await (await answer).json()).toEqual({ result: [{ box }] });
});

describe('errors are told as there', () => {
  test('no face: 400 with code 28', async () => {
    const { call } = await compreface(failed);
    for (const path of ['/recognize', '/faces?subject=Ada']) {
      const response = await call(path, file);
      expect(await response.clone().json()).toMatchObject({
        message: 'No face is found in the given image',
        code: 28,
      });
      expect(await problem(response)).toBe('400 no-face-found');
    }
  });

  test.each([
    ['/recognize?limit=-1', file, '400 invalid-query'],
    ['/recognize?det_prob_threshold=2', file, '400 invalid-query'],
    [
      '/recognize',
      multipart([{ disposition: 'name="inputFile"; filename="a.jpg"', content: jpeg }]),
      '400 missing-file',
    ],
    ['/recognize', base64('bm8gcGhvdG8='), '415 unsupported-format'],
    ['/recognize', base64(''), '400 empty-file'],
    ['/recognize', { ...base64(), body: '{"photo":""}' }, '400 invalid-json'],
    ['/recognize', { ...base64(), body: JSON.stringify({ file: 'A'.repeat(200_000) }) }, '413 too-large'],
    ['/faces', file, '400 invalid-query'],
    ['/faces?subject=a:b', file, '400 invalid-person-name'],
    ['/faces?size=0', {}, '400 invalid-query'],
    ['/subjects', subjectBody('unknown'), '400 invalid-person-name'],
    ['/subjects', { ...subjectBody('x'), body: '{"subject: x"}' }, '400 invalid-json'],
    ['/subjects/nobody', { method: 'DELETE' }, '404 unknown-person'],
    ['/faces?subject=nobody', { method: 'DELETE' }, '404 unknown-person'],
  ])('%s %#', async (path, init, expected) => {
    const { call } = await compreface();
    const response = await call(path, init);
    expect(await response.clone().json()).toMatchObject({ message: expect.any(String) });
    expect(await problem(response)).toBe(expected);
  });

  test('a key is needed, with its scope', async () => {
    const { app, access } = await compreface();
    expect(await problem(await app.request(`${BASE}/subjects`))).toBe('401 unauthorized');
    const { token } = await access.keyring.create({ name: 'x', scopes: ['recognise'] });
    const headers = { 'x-api-key': token };
    expect(await problem(await app.request(`${BASE}/subjects`, { headers }))).toBe('403 forbidden');
  });
});

test('similarity is one half at the threshold, and grows with the cosine', () => {
  expect(similarityOf(0.4, 0.4)).toBe(0.5);
  const steps = [-1, 0, 0.3, 0.4, 0.5, 0.7, 1].map(cosine => similarityOf(cosine, 0.4));
  expect(steps).toEqual([0, 0.00549, 0.21417, 0.5, 0.78583, 0.98016, 0.99959]);
});
