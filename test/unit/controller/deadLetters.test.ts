import { beforeEach, expect, test } from 'bun:test';
import { join } from 'node:path';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { LocalQueue } from '../../../src/adapters/local/queue.ts';
import { DeadLetters } from '../../../src/controller/deadLetters.ts';
import { encodeMessage, resultKey } from '../../../src/core/messages.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { wrapQueue } from '../../support/wrap.ts';

let deadLetters: LocalQueue;
let responses: LocalQueue;
let output: LocalBlobs;
const never = new AbortController().signal;
let sweeper: DeadLetters;
const request = {
  v: 1,
  kind: 'recognise',
  id: '019a0000-0000-7000-8000-000000000001',
  file: 'a.jpg',
} as const;

beforeEach(async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'queue.sqlite');
  deadLetters = new LocalQueue({ file, name: 'dead', visibilitySeconds: 30 });
  responses = new LocalQueue({ file, name: 'responses', visibilitySeconds: 30 });
  output = await LocalBlobs.open(join(directory, 'out'));
  sweeper = new DeadLetters({ deadLetters, responses, output, log: silentLog });
});

async function stored(): Promise<unknown> {
  const blob = await output.get(resultKey(request));
  return blob && JSON.parse(new TextDecoder().decode(blob.body));
}

test('a request whose workers all died gets its answer, and its letter stays', async () => {
  await deadLetters.send(encodeMessage(request));
  await sweeper.answer(1, never);
  expect(await stored()).toMatchObject({ id: request.id, status: 'failed', reason: 'too-many-attempts' });
  expect(await responses.depth()).toMatchObject({ visible: 1 });
  expect(await deadLetters.depth()).toMatchObject({ visible: 1, inFlight: 0 });
});

test('the answer is in the trace of the upload, where the letter has a valid one', async () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  await deadLetters.send(encodeMessage({ ...request, trace: `00-${trace}-00f067aa0ba902b7-01` }));
  await sweeper.answer(1, never);
  expect(await stored()).toMatchObject({ trace, reason: 'too-many-attempts' });
});

test('a letter with a trace of another kind is answered all the same', async () => {
  await deadLetters.send(JSON.stringify({ ...request, trace: 'of another kind' }));
  await sweeper.answer(1, never);
  expect(await stored()).toMatchObject({ id: request.id, reason: 'unknown-request' });
  expect(await stored()).not.toHaveProperty('trace');
});

test('an answer that a worker has stored stays', async () => {
  await output.put(resultKey(request), new TextEncoder().encode('{"status":"done"}'));
  await deadLetters.send(encodeMessage(request));
  await sweeper.answer(1, never);
  expect(await stored()).toEqual({ status: 'done' });
  expect(await responses.depth()).toMatchObject({ visible: 0 });
});

test('an unknown version is answered too; what names no request only stays', async () => {
  await deadLetters.send(JSON.stringify({ v: 7, kind: 'dream', id: request.id, file: 'a.jpg' }));
  for (const hostile of ['{', '{"id":"../x","file":"a"}', '{"id":1}', 'null'])
    await deadLetters.send(hostile);
  await sweeper.answer(5, never);
  expect(await stored()).toMatchObject({ status: 'failed', reason: 'unknown-request' });
  expect(await output.list('')).toHaveLength(1);
  expect(await deadLetters.depth()).toMatchObject({ visible: 5 });
});

test('more letters than one receive brings; nothing is read again until there are new ones', async () => {
  const ids = Array.from({ length: 25 }, () => Bun.randomUUIDv7());
  for (const id of ids) await deadLetters.send(encodeMessage({ ...request, id }));
  await sweeper.answer(25, never);
  expect(await output.list('')).toHaveLength(25);
  const [before] = await deadLetters.receive({ max: 1, waitSeconds: 0 });
  await deadLetters.release(before!.receipt);
  await sweeper.answer(25, never);
  const [after] = await deadLetters.receive({ max: 10, waitSeconds: 0 });
  expect(after!.receiveCount).toBeLessThanOrEqual(before!.receiveCount + 1);
});

test('a walk longer than the visibility timeout ends, and a stop ends it at once', async () => {
  let time = Date.now();
  const file = join(temporaryDirectory(), 'queue.sqlite');
  const lapsing = new LocalQueue({ file, name: 'dead', visibilitySeconds: 30, now: () => time });
  for (let i = 0; i < 35; i++) await lapsing.send(encodeMessage({ ...request, id: Bun.randomUUIDv7() }));
  let receives = 0;
  const slow = wrapQueue(lapsing, {
    receive: options => {
      receives++;
      time += 20_000;
      return lapsing.receive(options);
    },
  });
  await new DeadLetters({ deadLetters: slow, responses, output, log: silentLog }).answer(35, never);
  expect(await output.list('')).toHaveLength(35);
  expect(receives).toBeLessThan(10);
  expect(await lapsing.depth()).toMatchObject({ visible: 35, inFlight: 0 });

  receives = 0;
  await new DeadLetters({ deadLetters: slow, responses, output, log: silentLog }).answer(
    35,
    AbortSignal.abort(),
  );
  expect(receives).toBe(0);
});
