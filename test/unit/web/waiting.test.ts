import { expect, test } from 'bun:test';
import { resultKey } from '../../../src/core/messages.ts';
import { Waiting } from '../../../src/web/waiting.ts';
import { done, FakeTime, failure, MemoryBlobs, settle } from './support.ts';

function waitingRoom() {
  const time = new FakeTime();
  const output = new MemoryBlobs();
  const waiting = new Waiting({ output, now: time.now, setTimer: time.setTimer });
  const request = { id: Bun.randomUUIDv7(), file: 'a.jpg' };
  const result = done({ v: 1, kind: 'recognise', ...request });
  const store = () => output.put(resultKey(request), Buffer.from(JSON.stringify(result)));
  const nothingLeft = () => expect([waiting.size, time.timers]).toEqual([0, 0]);
  return { time, output, waiting, request, result, store, nothingLeft };
}

test('what is stored already is given at once', async () => {
  const { waiting, request, result, store, nothingLeft } = waitingRoom();
  await store();
  expect(await waiting.forResult(request)).toEqual(result);
  nothingLeft();
});

test('a store that does not answer makes no answer late: the last look ends soon after the deadline', async () => {
  const { time, waiting, request, output, nothingLeft } = waitingRoom();
  const signals: (AbortSignal | undefined)[] = [];
  output.get = (_key: string, options?: { signal?: AbortSignal }) => {
    signals.push(options?.signal);
    return new Promise(() => {});
  };
  let answered = false;
  const answer = waiting.forResult(request, { deadline: time.now() + 5_000 }).finally(() => {
    answered = true;
  });
  await time.advance(5_900);
  expect(answered).toBe(false);
  await time.advance(100);
  expect(await answer).toBeUndefined();
  expect(signals.map(signal => signal?.aborted)).toEqual([true]);
  nothingLeft();
});

test('who waits without end looks again after a look that brought nothing', async () => {
  const { time, waiting, request, result, store, output } = waitingRoom();
  const read = output.get.bind(output);
  let silent = true;
  output.get = key => (silent ? new Promise(() => {}) : read(key));
  const answer = waiting.forResult(request);
  await time.advance(10_000);
  silent = false;
  await store();
  await time.advance(10_000);
  expect(await answer).toEqual(result);
});

test('a completion wakes everybody who waits for it, without time passing', async () => {
  const { waiting, request, result, store, output, nothingLeft } = waitingRoom();
  const answers = Promise.all([1, 2, 3].map(() => waiting.forResult(request)));
  await settle();
  expect(waiting.size).toBe(3);
  await store();
  waiting.completed(Bun.randomUUIDv7());
  await settle();
  expect(output.reads).toBe(3);
  waiting.completed(request.id);
  expect(await answers).toEqual([result, result, result]);
  nothingLeft();
});

test('a completion during the first look is not lost', async () => {
  const { waiting, request, result, store, output, nothingLeft } = waitingRoom();
  const read = output.get.bind(output);
  output.get = async key => {
    const before = await read(key);
    if (!before) {
      await store();
      waiting.completed(request.id);
    }
    return before;
  };
  expect(await waiting.forResult(request)).toEqual(result);
  nothingLeft();
});

test('a completion before its result is visible only costs a look', async () => {
  const { waiting, request, result, store, output, time, nothingLeft } = waitingRoom();
  const answer = waiting.forResult(request);
  await settle();
  for (let i = 0; i < 5; i++) {
    waiting.completed(request.id);
    await settle();
  }
  expect(output.reads).toBe(6);
  await store();
  await time.advance(5_000);
  expect(await answer).toEqual(result);
  nothingLeft();
});

test('the store is looked at after 0.25, 0.5, 1, 2, 4, then every 5 seconds', async () => {
  const { waiting, request, result, store, time, nothingLeft } = waitingRoom();
  const answer = waiting.forResult(request);
  const pauses: number[] = [];
  for (let i = 0; i < 7; i++) {
    await settle();
    pauses.push(time.nextIn);
    if (i === 6) await store();
    await time.advance(time.nextIn);
  }
  expect(pauses).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  expect(await answer).toEqual(result);
  nothingLeft();
});

test('the deadline ends the wait to the millisecond, with a last look', async () => {
  const { waiting, request, result, store, time, nothingLeft } = waitingRoom();
  const inVain = waiting.forResult(request, { deadline: time.ms + 1_500 });
  await time.advance(1_499);
  expect(waiting.size).toBe(1);
  await time.advance(1);
  expect(await inVain).toBeUndefined();
  const lucky = waiting.forResult(request, { deadline: time.ms + 100 });
  await settle();
  await store();
  await time.advance(100);
  expect(await lucky).toEqual(result);
  expect(await waiting.forResult(request, { deadline: time.ms })).toEqual(result);
  nothingLeft();
});

test('a client that goes frees everything', async () => {
  const { waiting, request, nothingLeft } = waitingRoom();
  const client = new AbortController();
  const other = new AbortController();
  const answer = waiting.forResult(request, { signal: client.signal });
  const stays = waiting.forResult(request, { signal: other.signal });
  await settle();
  client.abort();
  expect(await answer).toBeUndefined();
  expect(waiting.size).toBe(1);
  other.abort();
  expect(await stays).toBeUndefined();
  expect(await waiting.forResult(request, { signal: client.signal })).toBeUndefined();
  nothingLeft();
});

test('close sends everybody away, now and later', async () => {
  const { waiting, request, nothingLeft } = waitingRoom();
  const answers = Promise.all([
    waiting.forResult(request),
    waiting.forResult({ ...request, id: Bun.randomUUIDv7() }),
  ]);
  await settle();
  waiting.close();
  expect(await answers).toEqual([undefined, undefined]);
  expect(await waiting.forResult(request)).toBeUndefined();
  nothingLeft();
});

test('a store that is away for a while is asked again; what no repetition cures is thrown', async () => {
  const { waiting, request, result, store, output, time, nothingLeft } = waitingRoom();
  output.fail = failure('ECONNRESET');
  const answer = waiting.forResult(request);
  await time.advance(3_000);
  output.fail = undefined;
  await store();
  await time.advance(5_000);
  expect(await answer).toEqual(result);
  await output.put(resultKey(request), Buffer.from('{"half":'));
  expect(waiting.forResult(request)).rejects.toThrow('no result');
  await settle();
  output.fail = new TypeError('bug');
  expect(waiting.forResult(request)).rejects.toThrow('bug');
  await settle();
  nothingLeft();
});
