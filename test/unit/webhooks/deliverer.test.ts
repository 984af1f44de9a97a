import { afterAll, describe, expect, test } from 'bun:test';
import { verifyWebhook } from '../../../src/client/webhooks.ts';
import type { Result } from '../../../src/core/results.ts';
import { Deliverer } from '../../../src/webhooks/deliverer.ts';
import { eventTypes, type Hook, hooksDocument } from '../../../src/webhooks/hooks.ts';
import { Noticing } from '../../../src/webhooks/noticing.ts';
import { MemoryBlobs, memoryLog } from '../web/support.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

type Answer = (request: Request) => Response | Promise<Response>;

const receivers: Bun.Server<undefined>[] = [];
afterAll(() => Promise.all(receivers.map(receiver => receiver.stop(true))));

/** A receiver that keeps what it gets, and answers as told. */
function receiver(answer: Answer = () => new Response()) {
  const got: { headers: Headers; body: string }[] = [];
  let respond = answer;
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async request => {
      got.push({ headers: request.headers, body: await request.clone().text() });
      return respond(request);
    },
  });
  receivers.push(server);
  const answers = (next: Answer) => {
    respond = next;
  };
  return { got, server, url: server.url.href, answers };
}

function world(hooks: readonly (Partial<Hook> & { url: string })[]) {
  const [gallery, output] = [new MemoryBlobs(), new MemoryBlobs()];
  const log = memoryLog();
  let ms = Date.parse('2026-05-01T00:00:00Z');
  const now = () => ms;
  const register = (changed: typeof hooks) =>
    hooksDocument(gallery).change(() => ({
      v: 1,
      hooks: changed.map((hook, i) => ({ id: `h${i}`, events: eventTypes, secret, createdAt: 0, ...hook })),
    }));
  const open = (timeoutMs = 5_000, removals = () => new Map<string, string>()) =>
    new Deliverer({ gallery, output, log, privateAllowed: true, now, timeoutMs, removals });
  const noticing = new Noticing({ gallery, output, now });
  const complete = async (result: Partial<Result> = {}) => {
    const id = Bun.randomUUIDv7();
    const failed = { id, file: 'a.jpg', status: 'failed', reason: 'no-face', detail: 'None.', ...result };
    await output.put(`${id}/a.json`, new TextEncoder().encode(JSON.stringify(failed)));
    await noticing.completed(id);
    return id;
  };
  const pending = () => [...output.objects.keys()].filter(key => key.startsWith('outbox/')).length;
  const later = (time: number) => {
    ms += time;
  };
  return {
    gallery,
    output,
    log,
    now,
    register: () => register(hooks),
    change: register,
    open,
    complete,
    pending,
    later,
  };
}

describe('a webhook', () => {
  test('is told of a result once, signed', async () => {
    const { got, url } = receiver();
    const { register, open, complete, pending, now } = world([{ url }]);
    await register();
    const deliverer = open();
    const id = await complete();
    await deliverer.round();
    await deliverer.round();
    expect(got).toHaveLength(1);
    const [{ headers, body }] = got as [(typeof got)[0]];
    expect(headers.get('webhook-id')).toBe(id);
    const told = await verifyWebhook({ secret, headers, body, now });
    expect(told).toMatchObject({ type: 'result.failed', data: { id, reason: 'no-face' } });
    await expect(verifyWebhook({ secret, headers, body: `${body} `, now })).rejects.toThrow('signature');
    expect(pending()).toBe(0);
  });

  test('is told of what it wants only, and of nothing that was deleted', async () => {
    const { got, url } = receiver();
    const { register, open, complete, pending, output } = world([{ url, events: ['result.enrolled'] }]);
    await register();
    await complete();
    const gone = await complete();
    await output.delete(`${gone}/a.json`);
    await open().round();
    expect([got.length, pending()]).toEqual([0, 0]);
  });

  test('that fails is told again after growing pauses, and given up after a day', async () => {
    const { got, url } = receiver(() => new Response('no', { status: 500 }));
    const { register, open, complete, pending, later, log } = world([{ url }]);
    await register();
    await complete();
    const deliverer = open();
    const attempts: number[] = [];
    for (let minute = 0; minute <= 25 * 60; minute++) {
      await deliverer.round();
      if (got.length > attempts.length) attempts.push(minute);
      later(60 * SECOND);
    }
    expect(attempts).toEqual([0, 1, 2, 3, 8, 23, 53, 113, 233, 473, 713, 953, 1193, 1433]);
    expect(pending()).toBe(0);
    expect(log.lines.at(-1)).toMatchObject({ event: 'webhook-given-up', fields: { webhook: 'h0' } });
  });

  test('that comes back is told of everything, also by another process', async () => {
    const dead = receiver();
    const { register, open, complete, pending, later, change } = world([{ url: dead.url }]);
    await dead.server.stop(true);
    await register();
    const ids = [await complete(), await complete(), await complete()];
    await open().round();
    expect(pending()).toBe(3);
    const { got, url } = receiver();
    await change([{ url }]);
    later(HOUR);
    await open().round();
    expect(got.map(({ headers }) => headers.get('webhook-id')).sort()).toEqual(ids.sort());
    expect(pending()).toBe(0);
  });

  test('that dies in the middle of an answer is told again', async () => {
    const dying = receiver();
    const { register, open, complete, pending, later } = world([{ url: dying.url }]);
    await register();
    await complete();
    dying.answers(async () => {
      await dying.server.stop(true);
      return new Response();
    });
    await open().round();
    expect([dying.got.length, pending()]).toEqual([1, 1]);
    later(HOUR);
    await open().round();
    expect(pending()).toBe(1);
  });

  test('that is slow holds up neither the others nor the round', async () => {
    const { promise: never } = Promise.withResolvers<Response>();
    const slow = receiver(() => never);
    const quick = receiver();
    const { register, open, complete, pending } = world([{ url: slow.url }, { url: quick.url }]);
    await register();
    for (let i = 0; i < 40; i++) await complete();
    await open(200).round();
    expect(quick.got).toHaveLength(40);
    expect(slow.got.length).toBeLessThan(12);
    expect(pending()).toBe(40);
  });

  test('is not followed elsewhere by redirects', async () => {
    const other = receiver();
    const { url } = receiver(() => Response.redirect(other.url));
    const { register, open, complete, pending } = world([{ url }]);
    await register();
    await complete();
    await open().round();
    expect([other.got.length, pending()]).toEqual([0, 1]);
  });

  test('that is deleted gets nothing more, and leaves nothing behind', async () => {
    const { got, url } = receiver(() => new Response('', { status: 503 }));
    const { register, open, complete, pending, later, change } = world([{ url }]);
    await register();
    await complete();
    const deliverer = open();
    await deliverer.round();
    await change([]);
    later(HOUR);
    await deliverer.round();
    expect([got.length, pending()]).toEqual([1, 0]);
  });

  test('is not told of people who are gone, even before they are taken out of the results', async () => {
    const { got, url } = receiver(() => new Response('', { status: 503 }));
    const { register, open, complete, pending, later, output } = world([{ url }]);
    await register();
    const face = {
      ...{ box: [0, 0, 1, 1], score: 1, landmarks: Array(5).fill([0, 0]), quality: 3 },
      ...{ person: 'ada', label: 'Ada Lovelace', similarity: 0.9, margin: null },
    };
    const common = { status: 'done', model: 'm', timings: {} };
    const recognised = {
      ...{ ...common, label: 'Ada Lovelace', image: { width: 1, height: 1 }, threshold: 0.4 },
      faces: [face, { ...face, person: 'eve', label: 'Eve' }],
    };
    const id = await complete(recognised as object);
    await complete({ ...common, person: 'ada', face: id, quality: 3, box: [0, 0, 1, 1] } as object);
    for (const { key } of await output.list('outbox/'))
      expect(new TextDecoder().decode((await output.get(key))!.body)).not.toMatch(/ada|a\.jpg/i);
    const removed = new Map<string, string>();
    const deliverer = open(5_000, () => removed);
    await deliverer.round();
    expect(got.map(({ body }) => body.includes('"ada"'))).toEqual([true, true]);
    removed.set('ada', 'stamp');
    later(HOUR);
    await deliverer.round();
    expect(got).toHaveLength(3);
    expect(got[2]?.body).not.toMatch(/ada/i);
    expect(JSON.parse(got[2]!.body)).toMatchObject({
      data: { id, label: 'Eve', faces: [{ label: 'unknown' }, { person: 'eve' }] },
    });
    expect(pending()).toBe(1);
  });

  test('that fails delays nothing that comes later, however much waits', async () => {
    const { got, url, answers } = receiver(() => new Response('', { status: 503 }));
    const { register, open, complete, later, output } = world([{ url }]);
    await register();
    for (let i = 0; i < 2_100; i++) await complete();
    const deliverer = open();
    for (let round = 0; round < 3; round++) await deliverer.round();
    const { list } = MemoryBlobs.prototype;
    let most = 0;
    output.list = async (prefix, options) => {
      const listed = await list.call(output, prefix, options);
      if (prefix.startsWith('outbox/')) most = Math.max(most, listed.length);
      return listed;
    };
    answers(() => new Response());
    const before = got.length;
    later(25 * SECOND);
    for (let round = 0; round < 40; round++) await deliverer.round();
    expect(got.length - before).toBe(2_100);
    expect(most).toBe(1_000);
  });

  test('costs nothing where there is none', async () => {
    const { open, complete, pending, gallery, output, later } = world([]);
    await complete();
    expect(pending()).toBe(0);
    const deliverer = open();
    const [before, outputBefore] = [gallery.reads, output.reads];
    for (let second = 0; second < 60; second++) {
      await deliverer.round();
      later(SECOND);
    }
    expect([gallery.reads - before, output.reads - outputBefore]).toEqual([2, 0]);
  });
});
