import { afterAll, beforeAll, expect, test } from 'bun:test';
import { connect } from 'node:net';
import { join } from 'node:path';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { LocalQueue } from '../../../src/adapters/local/queue.ts';
import { encodeMessage, resultKey } from '../../../src/core/messages.ts';
import { GalleryStore } from '../../../src/gallery/store.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { setTimer } from '../../../src/runtime/time.ts';
import type { Access } from '../../../src/web/access/access.ts';
import { openAccess } from '../../../src/web/access/open.ts';
import { createApp } from '../../../src/web/app.ts';
import { consumeCompletions } from '../../../src/web/completions.ts';
import { Events } from '../../../src/web/events.ts';
import { serve, type WebServer } from '../../../src/web/serve.ts';
import { Waiting } from '../../../src/web/waiting.ts';
import { temporaryDirectory, until } from '../../support/temporary.ts';
import { decode } from './decode.ts';
import { done, jpeg, memoryLog, photo } from './support.ts';

/** Real requests to a real port, with the local queue and stores. */
const directory = temporaryDirectory();
const limit = 1_000_000;
const log = memoryLog();
const stopping = new AbortController();
const queues = { file: join(directory, 'queues'), visibilitySeconds: 30, durable: false };
let requests: LocalQueue;
let responses: LocalQueue;
let stores: LocalBlobs[];
let waiting: Waiting;
let server: WebServer;
let access: Access;
let loops: Promise<unknown>;
/** The worker of these tests stands still while this is true. */
let paused = false;

const eventsOf = (output: LocalBlobs) =>
  new Events({ requests, output, fleet: 'test', now: Date.now, setTimer, newId: Bun.randomUUIDv7 });

beforeAll(async () => {
  requests = new LocalQueue({ ...queues, name: 'requests' });
  responses = new LocalQueue({ ...queues, name: 'responses' });
  stores = await Promise.all(
    ['input', 'output', 'gallery'].map(name => LocalBlobs.open(join(directory, name))),
  );
  const [input, output, gallery] = stores as [LocalBlobs, LocalBlobs, LocalBlobs];
  const people = new GalleryStore({ blobs: gallery });
  ({ access } = await openAccess(
    { aws: undefined, host: undefined, open: false, rateLimit: 0 },
    gallery,
    silentLog,
  ));
  waiting = new Waiting({ output });
  server = serve({
    host: '127.0.0.1',
    port: 0,
    app: keepOpen =>
      createApp({
        ...{ requests, responses, deadLetters: responses, input, output, gallery, people, waiting },
        ...{ events: eventsOf(output), keepOpen, log, access },
        options: { reply: 'result', maxUploadBytes: limit, resultDays: 30 },
      }),
  });
  loops = Promise.all([
    consumeCompletions({ responses, waiting, log: silentLog, signal: stopping.signal }),
    work(output, stopping.signal),
  ]);
});

afterAll(async () => {
  stopping.abort();
  await loops;
  waiting.close();
  await server.stop(1_000);
  await Promise.all([requests, responses, ...stores].map(thing => thing.close()));
});

async function work(output: LocalBlobs, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const messages = paused ? [] : await requests.receive({ max: 10, waitSeconds: 1, signal });
    if (paused) await Bun.sleep(5);
    for (const { body, receipt } of messages) {
      const request = decode(body);
      await output.put(resultKey(request), Buffer.from(JSON.stringify(done(request))));
      await responses.send(encodeMessage({ v: 1, id: request.id }));
      await requests.delete(receipt);
    }
  }
}

async function run(command: string[], stdin: Uint8Array = new Uint8Array()) {
  const child = Bun.spawn(command, { stdin, stdout: 'pipe', stderr: 'pipe' });
  const [out, error, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${command[0]} ended with ${code}: ${error}`);
  return out;
}

const curl = (...options: string[]) =>
  run(['curl', '-sS', '-m', '60', '-w', '\n%{http_code} %{size_upload}', ...options]);

async function file(name: string, size: number): Promise<string> {
  const content = Buffer.alloc(size);
  content.set(jpeg);
  await Bun.write(join(directory, name), content);
  return join(directory, name);
}

test('curl uploads, and gets its label', async () => {
  const path = await file('me too.jpg', 50_000);
  expect(await curl('-F', `inputFile=@${path}`, server.url.href)).toStartWith('me too:Ann\n200 ');
  expect(
    await curl('-H', 'Transfer-Encoding: chunked', '-F', `inputFile=@${path}`, server.url.href),
  ).toStartWith('me too:Ann\n200 ');
});

test('100 MB are refused early, and curl shows why', async () => {
  const path = await file('big.jpg', 100_000_000);
  for (const header of ['X-A: b', 'Expect:', 'Transfer-Encoding: chunked']) {
    const out = await curl('-H', header, '-H', 'X-B: c', '-F', `inputFile=@${path}`, server.url.href);
    expect(out).toContain('urn:facerec:problem:too-large');
    const [status, uploaded] = out.split('\n').at(-1)?.split(' ') ?? [];
    expect(status).toBe('413');
    expect(Number(uploaded)).toBeLessThan(50_000_000);
  }
});

const batchClient = `
import http.client, sys, threading
host, count, body = sys.argv[1], int(sys.argv[2]), sys.stdin.buffer.read()
answers = [None] * count
def post(i):
    connection = http.client.HTTPConnection(host)
    head = '--b\\r\\nContent-Disposition: form-data; name="inputFile"; filename="test_%03d.jpg"\\r\\n\\r\\n' % i
    data = head.encode() + body + b'\\r\\n--b--\\r\\n'
    connection.request('POST', '/', data, {'Accept': '*/*', 'Content-Type': 'multipart/form-data; boundary=b'})
    response = connection.getresponse()
    answers[i] = '%d %s' % (response.status, response.read().decode())
threads = [threading.Thread(target=post, args=(i,)) for i in range(count)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print('\\n'.join(answers))
`;

test('the batch client: 100 at once on fresh connections, no type on the part', async () => {
  const out = await run(
    ['python3', '-c', batchClient, server.url.host, '100'],
    Buffer.concat([jpeg, Buffer.alloc(28_000)]),
  );
  const expected = Array.from({ length: 100 }, (_, i) => `200 test_${String(i).padStart(3, '0')}:Ann`);
  expect(out.trim().split('\n')).toEqual(expected);
}, 60_000);

test('a client that sends everything before it reads sees the refusal, too', async () => {
  const out = await run(['python3', '-c', batchClient, server.url.host, '1'], Buffer.alloc(20_000_000));
  expect(out).toStartWith('413 {"type":"urn:facerec:problem:too-large"');
});

test('a client that goes while held, or in the middle of its upload, leaves nothing behind', async () => {
  paused = true;
  await until(async () => (await requests.depth()).inFlight === 0, 'the worker stands still');
  const client = new AbortController();
  const answer = fetch(server.url, { ...photo(), signal: client.signal });
  answer.catch(() => {});
  await until(() => waiting.size === 1, 'the request is held');
  client.abort();
  await until(() => waiting.size === 0, 'the request is let go');
  paused = false;
  const before = (await stores[0]?.list(''))?.length;
  const gone = () => log.lines.filter(line => line.fields.status === 499).length;
  expect(gone()).toBe(1);
  for (const length of ['Content-Length: 100000', 'Transfer-Encoding: chunked']) {
    const socket = connect(Number(server.url.port), '127.0.0.1');
    const type = 'Content-Type: multipart/form-data; boundary=b';
    socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\n${type}\r\n${length}\r\n\r\n5\r\n--b\r\n\r\n`, () =>
      socket.destroy(),
    );
    await new Promise(resolve => socket.once('close', resolve));
  }
  await until(() => gone() === 3, 'the uploads are given up');
  expect(log.lines.filter(line => line.level === 'error')).toEqual([]);
  expect((await fetch(new URL('/readyz', server.url))).status).toBe(200);
  expect((await stores[0]?.list(''))?.length).toBe(before);
});

test('a connection that was held is closed when idle afterwards', async () => {
  const other = serve({
    host: '127.0.0.1',
    port: 0,
    idleSeconds: 1,
    app: keepOpen => ({
      fetch: request => {
        keepOpen(request);
        return new Response('held');
      },
    }),
  });
  const socket = connect(Number(other.url.port), '127.0.0.1');
  socket.resume().write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise(resolve => socket.once('close', resolve));
  await other.stop();
}, 30_000);

test('stop: no new connections, held clients are told where to look, the rest is cut off after the grace', async () => {
  const held = new Waiting({ output: stores[1]! });
  const [input, output, gallery] = stores as [LocalBlobs, LocalBlobs, LocalBlobs];
  const queue = new LocalQueue({ ...queues, name: 'nobody' });
  const events = eventsOf(output);
  const people = new GalleryStore({ blobs: gallery });
  const other = serve({
    host: '127.0.0.1',
    port: 0,
    app: keepOpen =>
      createApp({
        ...{
          requests: queue,
          responses,
          deadLetters: responses,
          events,
          input,
          output,
          gallery,
          people,
          waiting: held,
          keepOpen,
          log: silentLog,
          access,
        },
        options: { reply: 'result', maxUploadBytes: limit, resultDays: 30 },
      }),
  });
  const answer = fetch(other.url, photo());
  const endless = fetch(other.url, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: new ReadableStream({ pull: () => Bun.sleep(3_600_000) }),
  });
  endless.catch(() => {});
  const stream = await fetch(new URL('events', other.url));
  expect(stream.headers.get('content-type')).toStartWith('text/event-stream');
  await until(() => held.size === 1, 'the request is held');
  const stopped = other.stop(300);
  held.close();
  events.close();
  expect(await stream.text()).toStartWith('retry: ');
  const response = await answer;
  expect([response.status, response.headers.get('location')]).toEqual([
    202,
    expect.stringContaining('/results/'),
  ]);
  expect(fetch(other.url)).rejects.toThrow();
  await stopped;
  expect(endless).rejects.toThrow();
  await queue.close();
});

test('a listener who hangs up is forgotten', async () => {
  const events = eventsOf(stores[1]!);
  const [input, output, gallery] = stores as [LocalBlobs, LocalBlobs, LocalBlobs];
  const people = new GalleryStore({ blobs: gallery });
  const other = serve({
    host: '127.0.0.1',
    port: 0,
    app: keepOpen =>
      createApp({
        ...{ requests, responses, deadLetters: responses, input, output, gallery, people, waiting },
        ...{ events, keepOpen, log: silentLog, access },
        options: { reply: 'ack', maxUploadBytes: limit, resultDays: 30 },
      }),
  });
  expect((await fetch(new URL('events', other.url), { method: 'HEAD' })).status).toBe(200);
  expect(events.listeners).toBe(0);
  const gone = new AbortController();
  await fetch(new URL('events', other.url), { signal: gone.signal });
  expect(events.listeners).toBe(1);
  gone.abort();
  await until(() => events.listeners === 0, 'nobody listens');
  await other.stop(0);
});
