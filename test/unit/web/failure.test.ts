import { describe, expect, test } from 'bun:test';
import { failure, photo, problem, queued, rig, settle } from './support.ts';

describe('an upload that cannot be stored', () => {
  test.each(['ENOSPC', 'EDQUOT', 'EROFS', 'SQLITE_FULL', 'SQLITE_BUSY', 'ECONNREFUSED', 'ConnectionRefused'])(
    '%s of the store or of the queue: 503, and nothing is left',
    async code => {
      for (const broken of ['input', 'requests'] as const) {
        const world = rig({ reply: 'result' });
        world[broken].fail = failure(code);
        const response = await world.app.request('/', photo());
        expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(await response.clone().text()).not.toContain('secret');
        expect(await problem(response)).toBe('503 storage-unavailable');
        expect([world.input.objects.size, world.requests.bodies.length, world.waiting.size]).toEqual([
          0, 0, 0,
        ]);
        world[broken].fail = undefined;
        await queued(await world.app.request('/?wait=0', photo()));
      }
    },
  );

  test('is known by its cause, too', async () => {
    const { app, requests } = rig();
    requests.fail = new Error('send failed', { cause: failure('SQLITE_IOERR_WRITE') });
    expect(await problem(await app.request('/', photo()))).toBe('503 storage-unavailable');
  });

  test('when even the deletion fails, the answer is the same and the log tells', async () => {
    const { app, input, requests, log } = rig();
    requests.fail = failure('ENOSPC');
    input.delete = async () => {
      throw failure('EROFS');
    };
    expect(await problem(await app.request('/', photo()))).toBe('503 storage-unavailable');
    expect(log.lines.map(line => line.event)).toContain('photo-left-behind');
  });

  test.each(['input', 'requests'] as const)('%s does not answer: 503 in bounded time', async silent => {
    const { app, input, requests, time } = rig();
    let late: (() => Promise<unknown>) | undefined;
    if (silent === 'input') {
      const put = input.put.bind(input);
      input.put = (...args) => new Promise(resolve => (late = async () => resolve(await put(...args))));
    } else requests.send = () => new Promise(() => {});
    const response = app.request('/', photo());
    await time.advance(18_000);
    expect(await problem(await response)).toBe('503 storage-unavailable');
    expect(Number((await response).headers.get('retry-after'))).toBeGreaterThan(0);
    // What becomes true later is harmless: a photo without a request, or a request with its photo.
    await late?.();
    await settle();
    expect(requests.bodies.length).toBe(0);
    expect(input.objects.size).toBe(1);
  });

  test.each([true, false])('the photo stays where its request may have been sent (%p)', async mayBeDone => {
    const { app, input, requests, log } = rig();
    requests.fail = Object.assign(new Error('no answer', { cause: failure('ECONNRESET') }), { mayBeDone });
    expect(await problem(await app.request('/', photo()))).toBe('503 storage-unavailable');
    expect(input.objects.size).toBe(mayBeDone ? 1 : 0);
    expect(log.lines.some(({ event }) => event === 'photo-left-behind')).toBe(mayBeDone);
  });

  test('a bug is 500, with a request id and without internals', async () => {
    const { app, requests, log, input } = rig();
    requests.fail = new TypeError('secret internals');
    const response = await app.request('/', photo());
    const text = await response.clone().text();
    expect(text).not.toContain('secret');
    const id = response.headers.get('x-request-id');
    expect(text).toContain(`urn:uuid:${id}`);
    expect(await problem(response)).toBe('500 internal');
    expect(input.objects.size).toBe(0);
    expect(log.lines.find(line => line.level === 'error')?.fields).toEqual({
      request: id,
      trace: response.headers.get('traceparent')?.slice(3, 35),
      error: 'secret internals',
    });
  });
});

describe('addresses', () => {
  test('404 for what there is not', async () => {
    const { app } = rig();
    for (const path of ['/nowhere', '/people/', '/results/', '/results/a/b', '//', '/people/x/y'])
      expect(await problem(await app.request(path))).toBe('404 no-such-page');
  });

  test.each([
    ['PUT', '/', 'GET, HEAD, POST'],
    ['OPTIONS', '/', 'GET, HEAD, POST'],
    ['POST', '/results/x', 'GET, HEAD'],
    ['DELETE', '/people', 'GET, HEAD'],
    ['PATCH', '/people/x', 'GET, HEAD, PUT, DELETE'],
    ['GET', '/people/x/faces', 'POST'],
    ['PUT', '/people/x/faces/y', 'GET, HEAD, DELETE'],
    ['POST', '/healthz', 'GET, HEAD'],
  ])('405 for %s %s', async (method, path, allow) => {
    const response = await rig().app.request(path, { method });
    expect(response.headers.get('allow')).toBe(allow);
    expect(await problem(response)).toBe('405 method-not-allowed');
  });

  test('GET / is JSON, or a page that allows itself nothing else', async () => {
    const { app } = rig({ version: '1.2.3' });
    expect(await (await app.request('/')).json()).toMatchObject({ service: 'facerec', version: '1.2.3' });
    const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
    const response = await app.request('/', { headers: { accept } });
    const html = await response.text();
    expect(response.headers.get('content-type')).toStartWith('text/html');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(html).not.toMatch(/<style|<script(?! [^>]*src=)/);
    for (const [, path = ''] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g))
      expect((await app.request(path)).status).toBe(200);
    expect((await app.request('/assets/app.js')).status).toBe(404);
    expect(html).not.toMatch(/https?:\/\/| style=| on[a-z]+=/);
  });
});

describe('health', () => {
  test('alive', async () =>
    expect(await (await rig().app.request('/healthz')).json()).toEqual({ status: 'ok' }));

  test('ready, or not and why', async () => {
    const world = rig();
    expect((await world.app.request('/readyz')).status).toBe(200);
    world.input.fail = failure('EIO');
    world.requests.fail = failure('EIO');
    const response = await world.app.request('/readyz');
    expect(await response.clone().json()).toMatchObject({ failing: ['requests', 'input'] });
    expect(await problem(response)).toBe('503 not-ready');
    expect((await world.app.request('/healthz')).status).toBe(200);
  });

  test('a store that never answers is not ready after two seconds', async () => {
    const { app, output, time } = rig();
    output.get = () => new Promise(() => {});
    const answer = app.request('/readyz');
    await settle();
    expect([time.timers, time.nextIn]).toEqual([1, 2_000]);
    await time.advance(2_000);
    const response = await answer;
    expect(await response.clone().json()).toMatchObject({ failing: ['output'] });
    expect(await problem(response)).toBe('503 not-ready');
    expect(time.timers).toBe(0);
  });
});

test('the log tells sizes and statuses, and neither names of files nor of people', async () => {
  const { app, log, work } = rig();
  await app.request('/people/zoe', { method: 'PUT', body: '{"name":"Zoe Secret"}' });
  const answer = app.request('/?wait=1', photo('zoe-secret.jpg'));
  await work();
  await answer;
  await app.request('/people/zoe');
  await app.request('/nowhere/zoe');
  const text = JSON.stringify(log.lines);
  expect(text.toLowerCase()).not.toContain('zoe');
  const requests = log.lines.filter(line => line.event === 'request');
  expect(requests.map(({ fields }) => [fields.method, fields.route, fields.status])).toEqual([
    ['PUT', '/people/:id', 201],
    ['POST', '/', 200],
    ['GET', '/people/:id', 200],
    ['GET', '/*', 404],
  ]);
});
