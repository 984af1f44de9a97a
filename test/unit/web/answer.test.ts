import { describe, expect, test } from 'bun:test';
import { preferred } from '../../../src/web/accept.ts';
import { done, failed, failure, photo, problem, queued, rig, settle, withHeaders } from './support.ts';

const plain = { accept: 'text/plain' };

describe('POST / that waits', () => {
  test.each([
    ['/?wait=30', {}],
    ['/', { prefer: 'wait=30' }],
    ['/', { prefer: 'respond-async, wait="30"; x=1' }],
  ])('%s %j', async (path, headers) => {
    const held: Request[] = [];
    const { app, work } = rig({}, { keepOpen: request => void held.push(request) });
    const answer = app.request(path, withHeaders(photo(), headers));
    await work();
    const response = await answer;
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: 'done', label: 'Ann', file: 'photo.jpg' });
    expect(response.headers.get('preference-applied')).toBe('prefer' in headers ? 'wait=30' : null);
    expect(held.length).toBe(1);
  });

  test('is acknowledged when the time is over', async () => {
    const { app, time, waiting } = rig();
    const answer = app.request('/', withHeaders(photo(), { prefer: 'wait=30' }));
    await time.advance(29_999);
    expect(waiting.size).toBe(1);
    await time.advance(1);
    const response = await answer;
    expect(response.headers.get('preference-applied')).toBe('wait=30');
    await queued(response);
    expect([waiting.size, time.timers]).toEqual([0, 0]);
  });

  test('for no time is acknowledged', async () =>
    void (await queued(await rig().app.request('/?wait=0', photo()))));

  test.each(['', 'x', '-1', '301', '1.5', '1e2', ' 1', '9999999999'])('wait %j is refused', async text => {
    const { app, input } = rig();
    const byQuery = await app.request(`/?wait=${encodeURIComponent(text)}`, photo());
    expect(await problem(byQuery)).toBe('400 invalid-wait');
    if (text.trim() === text) {
      const byHeader = await app.request('/', withHeaders(photo(), { prefer: `wait=${text}` }));
      expect(await problem(byHeader)).toBe('400 invalid-wait');
    }
    expect(input.objects.size).toBe(0);
  });

  test('tells a failure as JSON', async () => {
    const { app, work } = rig();
    const answer = app.request('/?wait=30', photo());
    await work(failed);
    const response = await answer;
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: 'failed', reason: 'no-face' });
  });

  test('answers in plain text when asked to, and a failure is no 200 then', async () => {
    const { app, work } = rig();
    const good = app.request('/?wait=30', withHeaders(photo('a:b.c.jpg'), plain));
    await work();
    expect(await (await good).text()).toBe('a_b.c:Ann');
    const bad = app.request('/?wait=30', withHeaders(photo(), plain));
    await work(failed);
    const response = await bad;
    expect(await response.clone().json()).toMatchObject({ reason: 'no-face', detail: 'There is no face.' });
    expect(await problem(response)).toBe('422 photo-failed');
  });

  test('is acknowledged in JSON when it does not wait, whatever it accepts', async () =>
    void (await queued(await rig().app.request('/', withHeaders(photo(), plain)))));
});

describe('a server that replies with results', () => {
  test('holds the batch client until done, however long it takes', async () => {
    const { app, work, time, waiting } = rig({ reply: 'result' });
    const answers = Array.from({ length: 100 }, (_, i) =>
      app.request('/', withHeaders(photo(`test_${i}.jpg`), { accept: '*/*' })),
    );
    await time.advance(3_600_000);
    expect(waiting.size).toBe(100);
    while ((await work()) > 0);
    for (const [i, answer] of answers.entries()) {
      const response = await answer;
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toStartWith('text/plain');
      const text = await response.text();
      expect(text).toBe(`test_${i}:Ann`);
      expect(text.split(':')[1]?.trim()).toBe('Ann');
    }
    expect([waiting.size, time.timers]).toEqual([0, 0]);
  });

  test('never says 200 for a failure', async () => {
    const { app, work } = rig({ reply: 'result' });
    const answer = app.request('/', photo());
    await work(failed);
    expect(await problem(await answer)).toBe('422 photo-failed');
  });

  test('speaks JSON to those who ask for it', async () => {
    const { app, work } = rig({ reply: 'result' });
    const answer = app.request('/', withHeaders(photo(), { accept: 'application/json' }));
    await work();
    expect(await (await answer).json()).toMatchObject({ label: 'Ann' });
  });

  test('acknowledges when the client set a time', async () => {
    const { app, time } = rig({ reply: 'result' });
    const answer = app.request('/?wait=2', photo());
    await time.advance(2_000);
    await queued(await answer);
  });

  test('acknowledges when it stops', async () => {
    const { app, waiting, time } = rig({ reply: 'result' });
    const answer = app.request('/', photo());
    await settle();
    waiting.close();
    await queued(await answer);
    await queued(await app.request('/', photo()));
    expect([waiting.size, time.timers]).toEqual([0, 0]);
  });
});

describe('GET /results/:id', () => {
  test('202, then 200 in JSON or plain text', async () => {
    const { app, work } = rig();
    const { result } = await queued(await app.request('/', photo()));
    const early = await app.request(result);
    expect(early.headers.get('retry-after')).toBe('1');
    await queued(early);
    await work();
    expect(await (await app.request(result)).json()).toMatchObject({ label: 'Ann' });
    expect(
      await (await app.request(result.toUpperCase().replace('/RESULTS', '/results'))).json(),
    ).toMatchObject({ label: 'Ann' });
    expect(await (await app.request(result, { headers: plain })).text()).toBe('photo:Ann');
  });

  test('waits', async () => {
    const { app, work, time } = rig();
    const { result } = await queued(await app.request('/', photo('a.b.jpg')));
    const late = app.request(`${result}?wait=5`);
    await time.advance(5_000);
    await queued(await late);
    const answer = app.request(result, { headers: { prefer: 'wait=5' } });
    await work();
    const response = await answer;
    expect(response.headers.get('preference-applied')).toBe('wait=5');
    expect(await response.json()).toMatchObject({ label: 'Ann' });
  });

  test('a failure is 200 in JSON, 422 in plain text', async () => {
    const { app, work } = rig();
    const { result } = await queued(await app.request('/', photo()));
    await work(failed);
    expect(await (await app.request(result)).json()).toMatchObject({ status: 'failed' });
    expect(await problem(await app.request(result, { headers: plain }))).toBe('422 photo-failed');
  });

  test('404 for what never was, 410 for what is too old', async () => {
    const { app, time } = rig({ resultDays: 30 });
    const of = (ms: number) => `/results/${Bun.randomUUIDv7('hex', ms)}`;
    expect(await problem(await app.request(of(time.ms)))).toBe('404 unknown-result');
    expect(await problem(await app.request(of(time.ms - 29.9 * 86_400_000)))).toBe('404 unknown-result');
    expect(await problem(await app.request(of(time.ms - 30.1 * 86_400_000)))).toBe('410 expired');
    expect(await problem(await app.request(`/results/${crypto.randomUUID()}`))).toBe('404 unknown-result');
    for (const id of ['x', '..%2f..', '%00', '1'.repeat(5_000)])
      expect(await problem(await app.request(`/results/${id}`))).toBe('404 unknown-result');
    expect(await problem(await app.request(`${of(time.ms)}?wait=x`))).toBe('400 invalid-wait');
  });

  test('an old result that is still stored is still given', async () => {
    const { app, complete, time } = rig();
    const id = Bun.randomUUIDv7('hex', time.ms - 90 * 86_400_000);
    await complete(done({ v: 1, kind: 'recognise', id, file: 'a.jpg' }));
    expect((await app.request(`/results/${id}`)).status).toBe(200);
  });

  test('500 without internals for a damaged result, 503 for a store that is away', async () => {
    const { app, output, log } = rig();
    const { id, result } = await queued(await app.request('/', photo()));
    await output.put(`${id}/photo.json`, Buffer.from('{"label":"secret"}'));
    const response = await app.request(result);
    expect(await response.clone().text()).not.toContain('secret');
    expect(await problem(response)).toBe('500 internal');
    expect(JSON.stringify(log.lines)).not.toContain('secret');
    output.fail = failure('ECONNREFUSED');
    expect(await problem(await app.request(result))).toBe('503 storage-unavailable');
  });
});

test.each([
  [null, 'a/x'],
  ['*/*', 'a/x'],
  ['', 'a/x'],
  ['b/y', 'b/y'],
  ['B/Y; charset=utf-8', 'b/y'],
  ['a/x, b/y', 'a/x'],
  ['a/x;q=0.5, b/y', 'b/y'],
  ['b/*;q=0.9, */*;q=0.1', 'b/y'],
  ['a/x;q=0, */*', 'b/y'],
  ['image/png', 'a/x'],
  ['b/y;q=nonsense', 'a/x'],
])('Accept %j prefers %s', (accept, type) => expect(preferred(accept, ['a/x', 'b/y'])).toBe(type));
