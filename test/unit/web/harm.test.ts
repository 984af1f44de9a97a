import { expect, test } from 'bun:test';
import { UploadMemory } from '../../../src/web/memory.ts';
import { photo, problem, rig, withHeaders } from './support.ts';

test('uploads together hold no more than their share of memory, and give it back', async () => {
  const memory = new UploadMemory(1000);
  const one = memory.claim();
  one.add(600);
  const two = memory.claim();
  two.add(400);
  expect(() => two.add(1)).toThrow('Too many uploads at once');
  one.end();
  one.end();
  two.add(600);
  two.end();
  memory.claim().add(1000);
});

test('an upload that finds no room is told to come again, and leaves nothing', async () => {
  const memory = new UploadMemory(10);
  const { app, input } = rig({}, { memory });
  const answer = await app.request('/', photo());
  expect(answer.headers.get('retry-after')).toBe('1');
  expect(await problem(answer)).toBe('503 busy');
  expect(await input.list('')).toEqual([]);
  memory.claim().add(10);
});

test.each(['cross-site', 'same-site'])('a %s page can change nothing', async site => {
  const { app, input } = rig();
  const headers = { 'sec-fetch-site': site };
  const posted = await app.request('/', withHeaders(photo(), headers));
  expect(await problem(posted)).toBe('403 cross-site');
  expect(await problem(await app.request('/people/ada', { method: 'DELETE', headers }))).toBe(
    '403 cross-site',
  );
  expect(await problem(await app.request('/people/ada', { method: 'PUT', headers }))).toBe('403 cross-site');
  expect(await input.list('')).toEqual([]);
  expect((await app.request('/healthz', { headers })).status).toBe(200);
});

test('the page of this server and programs may', async () => {
  for (const site of ['same-origin', 'none', undefined]) {
    const { app } = rig();
    const headers: Record<string, string> = site ? { 'sec-fetch-site': site } : {};
    expect((await app.request('/', withHeaders(photo(), headers))).status).toBe(202);
  }
});
