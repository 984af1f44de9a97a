import { expect, test } from 'bun:test';
import { encodeMessage } from '../../../src/core/messages.ts';
import { consumeCompletions } from '../../../src/web/completions.ts';
import { FakeTime, failure, MemoryQueue, memoryLog, settle } from './support.ts';

function consumer(waitSeconds = 20) {
  const time = new FakeTime();
  const responses = new MemoryQueue();
  const log = memoryLog();
  const woken: string[] = [];
  const stop = new AbortController();
  const running = consumeCompletions({
    ...{ responses, log, waitSeconds, signal: stop.signal, setTimer: time.setTimer, now: time.now },
    waiting: { completed: id => void woken.push(id) },
  });
  const events = () => log.lines.map(line => line.event);
  const end = async () => {
    stop.abort();
    await running;
    expect(time.timers).toBe(0);
  };
  return { time, responses, log, woken, events, end };
}

test('completions wake by their id and are deleted', async () => {
  const { responses, woken, end } = consumer();
  const ids = Array.from({ length: 25 }, () => Bun.randomUUIDv7());
  for (const id of ids) await responses.send(encodeMessage({ v: 1, id }));
  await settle();
  expect(woken.sort()).toEqual(ids);
  expect(responses.bodies).toEqual([]);
  await end();
});

test('what is no completion is deleted with a warning that does not repeat it', async () => {
  const { responses, woken, log, end } = consumer();
  const hostile = [
    '',
    'secret',
    '{}',
    '[]',
    'null',
    '{"v":1,"id":"secret"}',
    '{"v":2}',
    '{"__proto__":1}',
    '9'.repeat(9e5),
  ];
  for (const body of hostile) await responses.send(body);
  await settle();
  expect(woken).toEqual([]);
  expect(responses.bodies).toEqual([]);
  expect(log.lines.map(line => [line.level, line.event])).toEqual(
    hostile.map(() => ['warn', 'completion-ignored']),
  );
  expect(JSON.stringify(log.lines)).not.toContain('secret');
  await end();
});

test('a failing queue is asked again after 0.2, 0.4 … 5 seconds, and the log tells the changes only', async () => {
  const { responses, time, woken, events, end } = consumer();
  const id = Bun.randomUUIDv7();
  await responses.send('wakes the poll');
  responses.fail = failure('SQLITE_IOERR');
  await settle();
  const pauses: number[] = [];
  for (let i = 0; i < 8; i++) {
    pauses.push(time.nextIn);
    await time.advance(time.nextIn);
  }
  expect(pauses).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
  responses.fail = undefined;
  await responses.send(encodeMessage({ v: 1, id }));
  await time.advance(5_000);
  expect(woken).toEqual([id]);
  expect(events()).toEqual(['completion-ignored', 'completions-unavailable', 'completions-back']);
  await end();
});

test('a queue that does not poll long is asked five times a second', async () => {
  const { responses, time, end } = consumer(0);
  await time.advance(10_000);
  expect(responses.receives).toBeLessThanOrEqual(51);
  await end();
});
