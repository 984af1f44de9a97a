import { describe, expect, test } from 'bun:test';
import * as v from 'valibot';
import { schemas } from '../../../src/web/openapi/schemas.ts';
import { photo, problem, rig } from './support.ts';

const url = 'https://example.org/faces';
const put = (body: object | string) => ({
  method: 'PUT',
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

describe('webhooks', () => {
  test('are added, changed, shown without secret, and deleted', async () => {
    const { app } = rig();
    const added = await app.request('/webhooks/door', put({ url }));
    expect([added.status, added.headers.get('location')]).toEqual([201, '/webhooks/door']);
    const { secret } = v.parse(schemas.Webhook, await added.json());
    expect(secret).toMatch(/^whsec_.{43}=$/);
    const changed = await app.request('/webhooks/door', put({ url: `${url}2`, events: ['result.failed'] }));
    expect([changed.status, await changed.json()]).toEqual([200, expect.objectContaining({ secret })]);
    const shown = {
      id: 'door',
      url: `${url}2`,
      events: ['result.failed'],
      createdAt: '2026-05-01T00:00:00.000Z',
    };
    expect(await (await app.request('/webhooks')).json()).toEqual({ webhooks: [shown] });
    expect(await (await app.request('/webhooks/door')).json()).toEqual(shown);
    expect((await app.request('/webhooks/door', { method: 'DELETE' })).status).toBe(204);
    for (const method of ['GET', 'DELETE'])
      expect(await problem(await app.request('/webhooks/door', { method }))).toBe('404 unknown-webhook');
  });

  test.each([
    ['/webhooks/Door', { url }, '400 invalid-webhook'],
    ['/webhooks/a%2Fb', { url }, '400 invalid-webhook'],
    ['/webhooks/door', { url: 'http://example.org/' }, '400 invalid-webhook'],
    ['/webhooks/door', { url: 'https://169.254.169.254/latest/meta-data' }, '400 invalid-webhook'],
    ['/webhooks/door', { url, events: [] }, '400 invalid-json'],
    ['/webhooks/door', { url, events: ['everything'] }, '400 invalid-json'],
    ['/webhooks/door', { url, secret: 'short' }, '400 invalid-json'],
    ['/webhooks/door', { url, more: 1 }, '400 invalid-json'],
    ['/webhooks/door', '[]', '400 invalid-json'],
  ])('%s %j is refused', async (path, body, expected) => {
    const { app, gallery } = rig();
    expect(await problem(await app.request(path, put(body)))).toBe(expected);
    expect(gallery.objects.size).toBe(0);
  });

  test('may be private where the operator says so; there are 20 at most', async () => {
    const { app } = rig({ webhooksToPrivate: true });
    for (let i = 0; i < 20; i++)
      expect((await app.request(`/webhooks/h${i}`, put({ url: 'http://10.0.0.1:9000/' }))).status).toBe(201);
    expect(await problem(await app.request('/webhooks/more', put({ url })))).toBe('400 invalid-webhook');
    expect((await app.request('/webhooks/h0', put({ url }))).status).toBe(200);
  });

  test('are told again of what came since a time or a request', async () => {
    const { app, output, complete, time } = rig();
    await app.request('/webhooks/door', put({ url }));
    const ids: string[] = [];
    for (const minutesAgo of [300, 30, 20, 10]) {
      const id = Bun.randomUUIDv7('hex', time.ms - minutesAgo * 60_000);
      ids.push(id);
      await complete({ id, file: 'a.jpg', status: 'failed', reason: 'no-face', detail: 'None.' });
    }
    const replay = async (since: string) => {
      for (const { key } of await output.list('outbox/')) await output.delete(key);
      const response = await app.request(`/webhooks/door/replay?since=${since}`, { method: 'POST' });
      expect(response.status).toBe(202);
      const keys = (await output.list('outbox/')).map(({ key }) => key.replace('outbox/door/', ''));
      expect(await response.json()).toEqual({ queued: keys.length });
      return keys;
    };
    expect(await replay(new Date(time.ms - 25 * 60_000).toISOString())).toEqual(ids.slice(2));
    expect(await replay(ids[1]!)).toEqual(ids.slice(1));
    expect(await replay('2026-01-01T00:00:00Z')).toEqual(ids);
    for (const since of ['', 'yesterday', '2026-05-01'])
      expect(
        await problem(await app.request(`/webhooks/door/replay?since=${since}`, { method: 'POST' })),
      ).toBe('400 invalid-page');
    const nobody = await app.request('/webhooks/x/replay?since=2026-01-01T00:00:00Z', { method: 'POST' });
    expect(await problem(nobody)).toBe('404 unknown-webhook');
  });

  test('need a key of an administrator', async () => {
    const { app, access } = rig();
    const { token } = await access.keyring.create({ name: 'x', scopes: ['recognise', 'people'] });
    const headers = { 'x-api-key': token };
    for (const [method, path] of [
      ['GET', '/webhooks'],
      ['PUT', '/webhooks/door'],
      ['POST', '/webhooks/door/replay'],
    ] as const)
      expect(await problem(await app.request(path, { method, headers }))).toBe('403 forbidden');
    expect((await app.request('/', { ...photo(), headers: { ...photo().headers, ...headers } })).status).toBe(
      202,
    );
  });
});
