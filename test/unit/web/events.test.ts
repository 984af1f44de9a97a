import { expect, test } from 'bun:test';
import { type FleetStatus, fleetStatusKey } from '../../../src/core/fleetStatus.ts';
import type { Result } from '../../../src/core/results.ts';
import { Events } from '../../../src/web/events.ts';
import { Problem } from '../../../src/web/problem.ts';
import { done, FakeTime, failure, MemoryBlobs, MemoryQueue, settle } from './support.ts';

const id = (n: number) => `019a0000-0000-7000-8000-00000000000${n}`;
const here = new AbortController().signal;

function rig() {
  const [requests, output, time] = [new MemoryQueue(), new MemoryBlobs(), new FakeTime()];
  const { now, setTimer } = time;
  const events = new Events({ requests, output, fleet: 'f', now, setTimer, newId: Bun.randomUUIDv7 });
  const store = (result: Result) =>
    output.put(`${result.id}/x.json`, new TextEncoder().encode(JSON.stringify(result)));
  return { requests, output, time, events, store };
}

/** Reads a stream as it comes. */
function read(response: Response) {
  const decoder = new TextDecoder();
  const reader = response.body!.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const state = { text: '', ended: false };
  void (async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read())
      state.text += decoder.decode(next.value);
    state.ended = true;
  })();
  const kinds = (kind: string) =>
    state.text
      .split('\n\n')
      .filter(event => event.startsWith(`event: ${kind}\n`))
      .map(event => JSON.parse(/^data: (.*)$/m.exec(event)![1]!) as Record<string, unknown> | null);
  return {
    state,
    kinds,
    cancel: () => reader.cancel(),
    last: () => [...state.text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1],
  };
}

test('tells of queue and fleet at once, and then when they change', async () => {
  const { requests, output, time, events } = rig();
  const { kinds } = read(events.listen(here));
  await time.advance(6_000);
  const depth = { visible: 0, inFlight: 0, delayed: 0, dead: 0, answeredLastMinute: 0 };
  expect(kinds('queue')).toEqual([depth]);
  expect(kinds('fleet')).toEqual([null]);
  const status: FleetStatus = { v: 1, at: 5, desired: 1, min: 0, max: 2, instances: [], decisions: [] };
  await output.put(fleetStatusKey('f'), new TextEncoder().encode(JSON.stringify(status)));
  await requests.send('{}');
  await time.advance(2_000);
  expect(kinds('queue').at(-1)).toEqual({ ...depth, visible: 1 });
  expect(kinds('fleet').at(-1)).toEqual({ ...status });
  requests.fail = failure('ECONNREFUSED');
  await time.advance(2_000);
  expect(kinds('queue').at(-1)).toBeNull();
});

test('results come with an outline, without the photo, its name or its faces', async () => {
  const { time, events, store } = rig();
  const { kinds, state } = read(events.listen(here));
  await store(done({ v: 1, kind: 'recognise', id: id(1), file: 'secret.jpg' }));
  events.completed(id(1));
  await settle();
  // Too soon after the first to be read as well.
  events.completed(id(2));
  await settle();
  expect(kinds('result')).toEqual([
    { id: id(1), status: 'done', kind: 'recognise', label: 'Ann', faces: 0 },
    { id: id(2) },
  ]);
  expect(state.text).not.toContain('secret');
  await time.advance(2_000);
  expect(kinds('queue').at(-1)).toMatchObject({ answeredLastMinute: 2 });
  await time.advance(60_000);
  expect(kinds('queue').at(-1)).toMatchObject({ answeredLastMinute: 0 });
});

test('who comes back is told what came meanwhile, once', async () => {
  const { events } = rig();
  const first = read(events.listen(here));
  events.completed(id(1));
  await settle();
  await first.cancel();
  for (const n of [2, 3]) events.completed(id(n));
  const again = read(events.listen(here, first.last()));
  const fresh = read(events.listen(here));
  const stranger = read(events.listen(here, 'another-run.1'));
  await settle();
  expect(again.kinds('result')).toEqual([{ id: id(2) }, { id: id(3) }]);
  expect(fresh.kinds('result')).toEqual([]);
  expect(stranger.kinds('result')).toEqual([]);
});

test('results whose completions other servers took are found in the store, and told once', async () => {
  const { requests, time, events, store } = rig();
  const idAt = (ago: number) => Bun.randomUUIDv7('hex', time.ms - ago);
  const stored = async (ago: number) => {
    const request = { v: 1, kind: 'recognise', id: idAt(ago), file: 'secret.jpg' } as const;
    await store(done(request));
    return request.id;
  };
  // Before anybody listened; counted, if young enough.
  for (const ago of [30_000, 50_000, 200_000]) await stored(ago);
  const { kinds, state } = read(events.listen(here));
  await time.advance(0);
  expect(kinds('result')).toEqual([]);
  expect(kinds('queue').at(-1)).toMatchObject({ answeredLastMinute: 2 });
  await requests.send('{}');
  const mine = await stored(1_000);
  events.completed(mine);
  const theirs = await stored(120_000);
  await stored(400_000);
  await time.advance(2_000);
  expect(kinds('result').map(result => result?.id)).toEqual([mine, theirs]);
  expect(kinds('result').at(-1)).toMatchObject({ status: 'done', label: 'Ann' });
  // The store may be quicker than the queue, and the same request may be answered again.
  const early = await stored(0);
  await time.advance(2_000);
  events.completed(early);
  await settle();
  expect(kinds('result').map(result => result?.id)).toEqual([mine, theirs, early]);
  await time.advance(2_000);
  events.completed(early);
  await time.advance(20_000);
  expect(kinds('result').map(result => result?.id)).toEqual([mine, theirs, early, early]);
  expect(state.text).not.toContain('secret');
});

test('who comes back soon is told of results that others took meanwhile', async () => {
  const { time, events, store } = rig();
  const first = read(events.listen(here));
  events.completed(id(1));
  await time.advance(1_000);
  await first.cancel();
  await time.advance(2_000);
  const theirs = Bun.randomUUIDv7('hex', time.ms);
  await store(done({ v: 1, kind: 'recognise', id: theirs, file: 'a.jpg' }));
  const again = read(events.listen(here, first.last()));
  await time.advance(10_000);
  expect(again.kinds('result').map(result => result?.id)).toEqual([theirs]);
});

test('the store is listed every ten seconds while the queue is empty, and every two while it is not', async () => {
  const { requests, output, time, events } = rig();
  const { list } = MemoryBlobs.prototype;
  let lists = 0;
  output.list = (...given) => {
    lists++;
    return list.apply(output, given);
  };
  read(events.listen(here));
  await time.advance(60_000);
  const idle = lists;
  await requests.send('{}');
  await time.advance(60_000);
  const busy = lists - idle;
  // Of nothing, two calls a listing: it looks further back.
  expect(idle / 2).toBeLessThanOrEqual(7);
  expect(busy / 2).toBeGreaterThanOrEqual(29);
});

test('nothing is looked at while nobody listens', async () => {
  const { output, time, events } = rig();
  await time.advance(60_000);
  expect(output.reads).toBe(0);
  const one = read(events.listen(here));
  const gone = new AbortController();
  events.listen(gone.signal);
  await time.advance(10_000);
  // Shared by both.
  expect(output.reads).toBe(6);
  await one.cancel();
  gone.abort();
  expect(events.listeners).toBe(0);
  await time.advance(60_000);
  expect(output.reads).toBe(6);
  expect(time.timers).toBe(0);
});

test('a comment every 15 seconds keeps the connection; after five minutes the listener has to come again', async () => {
  const { time, events } = rig();
  const { state } = read(events.listen(here));
  await time.advance(61_000);
  expect(state.text.match(/^: /gm)).toHaveLength(4);
  expect(state.ended).toBe(false);
  await time.advance(240_000);
  expect(state.ended).toBe(true);
  expect(time.timers).toBe(0);
});

test('so many may listen, and one who does not read is sent away', async () => {
  const { events } = rig();
  const responses = Array.from({ length: 64 }, () => events.listen(here));
  expect(() => events.listen(here)).toThrow(Problem);
  for (let i = 0; i < 5_000; i++) events.completed(id(1));
  expect(events.listeners).toBe(0);
  expect(responses).toHaveLength(64);
});

test('close: everybody is sent away, nobody is let in', async () => {
  const { time, events } = rig();
  const { state } = read(events.listen(here));
  events.close();
  await settle();
  expect(state.ended).toBe(true);
  expect(time.timers).toBe(0);
  expect(() => events.listen(here)).toThrow(Problem);
});
