import { expect, test } from 'bun:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Request as PhotoRequest } from '../../../src/core/messages.ts';
import { pictureKey } from '../../../src/gallery/erase.ts';
import { openApi, operations } from '../../../src/web/openapi/document.ts';
import { recognised } from '../../../src/web/openapi/examples.ts';
import { seen } from './conforming.ts';
import { done, jpeg, multipart, photo, rig, settle, withHeaders } from './support.ts';

const document = openApi('1.2.3');

const withFace = (request: PhotoRequest) => ({ ...done(request), faces: recognised.faces });

test('the document is valid by the schema that the OpenAPI Initiative publishes', async () => {
  const { valid, errors } = await new Validator().validate(JSON.parse(JSON.stringify(document)));
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

test('it is served as it is', async () => {
  const { app } = rig();
  const response = await app.request('/openapi.json');
  expect(await response.json()).toEqual(JSON.parse(JSON.stringify(openApi())));
});

test('it has every route of the server, and no other', () => {
  const { app } = rig();
  const methods = ['GET', 'POST', 'PUT', 'DELETE'];
  const routes = app.routes.filter(({ method }) => methods.includes(method));
  const served = new Set(routes.map(({ method, path }) => `${method} ${path.replace(/(?<=.)\/$/, '')}`));
  expect([...served].sort()).toEqual(Object.keys(operations).sort());
});

test('its ids are unique, its path parameters are told', () => {
  const ids = Object.values(operations).map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [route, { parameters = [] }] of Object.entries(operations)) {
    const named = [...route.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
    expect([route, parameters.filter(p => p.in === 'path').map(p => p.name)]).toEqual([route, named]);
  }
});

test('its examples are valid by its own schemas', () => {
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'document', ...document });
  let checked = 0;
  const walk = (at: unknown): void => {
    if (typeof at !== 'object' || at === null) return;
    const { schema, example } = at as { schema?: object; example?: unknown };
    if (schema && example !== undefined) {
      const text = JSON.stringify(schema).replaceAll('"#/components', '"document#/components');
      const validate = ajv.compile(JSON.parse(text) as object);
      expect([example, validate(example), validate.errors]).toEqual([example, true, null]);
      checked++;
    }
    for (const inner of Object.values(at)) walk(inner);
  };
  walk(document.paths);
  expect(checked).toBeGreaterThan(20);
});

/** Every answer but problems, of every operation, as real requests get them; `rig` holds each against the document. */
test('the server does what it tells', async () => {
  const world = rig();
  const { app, work, access, time, requests, deadLetters } = world;
  const worked = async (path: string, init: RequestInit) => {
    const answer = app.request(path, init);
    await work();
    return answer;
  };
  const remove = { method: 'DELETE' };

  for (const path of [
    '/',
    '/healthz',
    '/readyz',
    '/metrics',
    '/openapi.json',
    '/login',
    '/session',
    '/people',
  ])
    await app.request(path);
  await app.request('/', { headers: { accept: 'text/html' } });

  const { result } = (await (await app.request('/', photo())).json()) as { result: string };
  await app.request(result);
  await work();
  await app.request(result);
  await app.request('/results');
  await app.request('/batch', photo());
  await work();
  await worked('/?wait=30', photo());
  await worked('/?wait=30', withHeaders(photo(), { accept: 'text/plain' }));

  for (const body of ['{"name":"Ann"}', '{"name":"Anna"}'])
    await app.request('/people/ann', { method: 'PUT', body });
  await app.request('/people/ann/faces', photo());
  await work();
  const face = (await worked('/people/ann/faces?wait=30', photo())).headers.get('location')!;
  for (const path of ['/people', '/people?limit=1', '/people/ann', face]) await app.request(path);
  const twice = async (path: string, id: string) => {
    await world.gallery.put(pictureKey(id), new Uint8Array([1]));
    const etag = (await app.request(path)).headers.get('etag') ?? '';
    await app.request(path, { headers: { 'if-none-match': etag } });
  };
  await twice(`${face}/photo`, face.split('/').at(-1)!);

  await app.request('/people/anna', { method: 'PUT' });
  await app.request('/people/ann/merge', { method: 'POST', body: '{"from":"anna"}' });
  for (const path of [face, '/people/ann']) await app.request(path, remove);

  await app.request('/assets/app.browser.js');
  const stream = app.request('/events');
  await time.advance(300_000);
  await stream;
  const again = (await (await app.request('/', photo())).json()) as { id: string };
  const [message] = await requests.receive({ max: 1, waitSeconds: 0 });
  await requests.delete(message!.receipt);
  await deadLetters.send(message!.body);
  await app.request('/dead-letters');
  await app.request(`/dead-letters/${again.id}/redrive`, { method: 'POST' });
  await work();

  const base = '/api/v1/recognition';
  const form = multipart([{ disposition: 'name="file"; filename="a.jpg"', content: jpeg }]);
  await app.request(`${base}/subjects`, { method: 'POST', body: '{"subject":"Ben"}' });
  const { image_id } = (await (await worked(`${base}/faces?subject=Ben`, form)).json()) as {
    image_id: string;
  };
  for (const path of [`${base}/recognize`, `${base}/faces/${image_id}/verify`, '/api/v1/detection/detect']) {
    const recognising = app.request(`${path}?status=true`, form);
    await work(withFace);
    await recognising;
  }
  await twice(`${base}/faces/${image_id}/img`, image_id);
  await twice(`/api/v1/static/any/images/${image_id}`, image_id);
  await app.request(`${base}/faces/delete`, { method: 'POST', body: `["${Bun.randomUUIDv7()}"]` });
  for (const path of ['/subjects', '/faces']) await app.request(base + path);
  await app.request(`${base}/subjects/Ben`, { method: 'PUT', body: '{"subject":"Benny"}' });
  for (const path of [`/faces/${image_id}`, '/faces', '/subjects/Benny', '/subjects'])
    await app.request(base + path, remove);

  const hook = { method: 'PUT', body: '{"url":"https://example.org/"}' };
  for (const init of [hook, hook, {}, remove]) {
    await app.request('/webhooks/door', init);
    await app.request('/webhooks');
    await app.request('/webhooks/door/replay?since=2020-01-01T00:00:00Z', { method: 'POST' });
  }

  const { token } = await access.keyring.create({ name: 'x', scopes: ['admin'] });
  const login = { body: new URLSearchParams({ key: token }).toString(), method: 'POST' };
  const type = 'application/x-www-form-urlencoded';
  await app.request('/session', withHeaders(login, { 'content-type': type }));
  await app.request('/session', withHeaders({ ...login, body: 'key=x' }, { 'content-type': type }));
  await app.request('/session', { method: 'POST', body: JSON.stringify({ key: token }) });
  await app.request('/session', { method: 'DELETE' });
  await app.request('/', { headers: { accept: 'text/html' } });
  await settle();

  const told = Object.entries(operations).flatMap(([route, { answers }]) =>
    Object.keys(answers).map(status => `${route} ${status}`),
  );
  expect(told.filter(answer => !seen.has(answer))).toEqual([]);
});
