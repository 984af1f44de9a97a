import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { LocalQueue } from '../../../src/adapters/local/queue.ts';
import type { Message } from '../../../src/ports.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { Consumer, type ConsumerOptions } from '../../../src/worker/consumer.ts';
import { temporaryDirectory, until } from '../../support/temporary.ts';
import { wrapQueue } from '../../support/wrap.ts';

function newQueue(visibilitySeconds = 30): LocalQueue {
  return new LocalQueue({ file: join(temporaryDirectory(), 'queue.sqlite'), name: 'q', visibilitySeconds });
}
/** Tried in the order of receipt, without marks. */
const suspects: ConsumerOptions['suspects'] = {
  inOrder: async messages => [...messages],
  alone: (message, handle) => handle(message),
};
const base = { suspects, pollSeconds: 20, visibilitySeconds: 30, log: silentLog };

test('hands over everything, holds ten at most, knows when it is idle', async () => {
  const queue = newQueue();
  for (let i = 0; i < 40; i++) await queue.send(String(i));
  const stop = new AbortController();
  let inHand = 0;
  let most = 0;
  const seen = new Set<string>();
  const consumer = new Consumer({
    ...base,
    queue,
    handle: async message => {
      most = Math.max(most, ++inHand);
      await Promise.resolve();
      expect(consumer.idleSince).toBeNull();
      seen.add(message.body);
      await queue.delete(message.receipt);
      inHand--;
    },
  });
  expect(consumer.idleSince).toBeNumber();
  const running = consumer.run(stop.signal);
  await until(() => seen.size === 40 && consumer.idleSince !== null, '40 messages handled');
  stop.abort();
  await running;
  expect(most).toBeLessThanOrEqual(10);
  expect(consumer.processed).toBe(40);
});

test('counts how long it has had messages in hand, until the last one that is finished', async () => {
  const queue = newQueue();
  for (let i = 0; i < 3; i++) await queue.send(String(i));
  const stop = new AbortController();
  const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
  let inHand = 0;
  let now = 1_000;
  const consumer = new Consumer({
    ...base,
    queue,
    now: () => now,
    handle: async message => {
      await gates[inHand++]!.promise;
      await queue.delete(message.receipt);
    },
  });
  const running = consumer.run(stop.signal);
  await until(() => inHand === 3, 'all are in hand');
  expect(consumer.busyMs).toBe(0);
  for (const [i, busyMs] of [100, 300, 350].entries()) {
    now = 1_000 + busyMs;
    gates[i]!.resolve();
    await until(() => consumer.processed === i + 1, 'one more is finished');
    expect(consumer.busyMs).toBe(busyMs);
  }
  // Idle time does not count.
  now += 60_000;
  gates.push(Promise.withResolvers<void>());
  await queue.send('later');
  await until(() => inHand === 4, 'a later one is in hand');
  now += 20;
  gates[3]!.resolve();
  await until(() => consumer.processed === 4, 'it is finished');
  expect(consumer.busyMs).toBe(370);
  stop.abort();
  await running;
});

test('on stop it waits for what is in hand and takes nothing more', async () => {
  const queue = newQueue();
  await queue.send('first');
  const stop = new AbortController();
  const gate = Promise.withResolvers<void>();
  const handled: Message[] = [];
  const consumer = new Consumer({
    ...base,
    queue,
    handle: async message => {
      handled.push(message);
      await gate.promise;
    },
  });
  let ended = false;
  const running = consumer.run(stop.signal).then(() => {
    ended = true;
  });
  await until(() => handled.length === 1, 'the first message is in hand');
  stop.abort();
  await queue.send('second');
  await Bun.sleep(20);
  expect(ended).toBe(false);
  gate.resolve();
  await running;
  expect(handled).toHaveLength(1);
  expect((await queue.depth()).visible).toBe(1);
});

test('what is in hand is renewed for as long as it takes', async () => {
  const queue = newQueue(1);
  await queue.send('slow');
  const stop = new AbortController();
  const gate = Promise.withResolvers<void>();
  let deliveries = 0;
  const consumer = new Consumer({
    ...base,
    visibilitySeconds: 1,
    queue,
    handle: async () => {
      deliveries++;
      await gate.promise;
    },
  });
  const running = consumer.run(stop.signal);
  await until(() => deliveries === 1, 'delivery');
  // Three visibility timeouts long the message must stay hidden from everybody else.
  const others = await queue.receive({ max: 1, waitSeconds: 3 });
  expect(others).toEqual([]);
  gate.resolve();
  stop.abort();
  await running;
});

test('a queue that fails is asked again after a pause, not in a hot loop', async () => {
  const queue = newQueue();
  let failures = 0;
  const flaky = wrapQueue(queue, {
    receive: options => {
      if (failures < 2) {
        failures++;
        return Promise.reject(new Error('no route to the queue'));
      }
      return queue.receive(options);
    },
  });
  await queue.send('x');
  const errors: string[] = [];
  const stop = new AbortController();
  const consumer = new Consumer({
    ...base,
    log: { ...silentLog, error: event => errors.push(event) },
    queue: flaky,
    handle: message => queue.delete(message.receipt),
  });
  const running = consumer.run(stop.signal);
  await until(() => consumer.processed === 1, 'the message is handled in the end');
  stop.abort();
  await running;
  expect(errors).toEqual(['queue-unavailable']);
});

test('what was received before is tried one by one, with nothing else in hand', async () => {
  const queue = newQueue();
  for (let i = 0; i < 6; i++) await queue.send(`again ${i}`);
  for (const { receipt } of await queue.receive({ max: 10, waitSeconds: 0 })) await queue.release(receipt);
  for (let i = 0; i < 4; i++) await queue.send(`new ${i}`);
  const stop = new AbortController();
  const inHand = new Set<string>();
  const together: string[][] = [];
  const consumer = new Consumer({
    ...base,
    queue,
    handle: async message => {
      inHand.add(message.body);
      if (message.receiveCount > 1) together.push([...inHand]);
      await Bun.sleep(1);
      await queue.delete(message.receipt);
      inHand.delete(message.body);
    },
  });
  const running = consumer.run(stop.signal);
  await until(() => consumer.processed === 10 && consumer.idleSince !== null, 'all are handled');
  stop.abort();
  await running;
  expect(together.map(bodies => bodies.length)).toEqual([1, 1, 1, 1, 1, 1]);
});

test('a queue that is slow to be told does not keep the hands full', async () => {
  const queue = newQueue();
  for (let i = 0; i < 30; i++) await queue.send(String(i));
  const stop = new AbortController();
  const told = Promise.withResolvers<void>();
  let begun = 0;
  const consumer = new Consumer({
    ...base,
    queue,
    handle: async (message, _, worked) => {
      begun++;
      worked();
      await told.promise;
      await queue.delete(message.receipt);
    },
  });
  const running = consumer.run(stop.signal);
  await until(() => begun === 30, 'all are begun while none is told of');
  expect(consumer.idleSince).toBeNull();
  told.resolve();
  await until(() => consumer.processed === 30, 'all are told of');
  stop.abort();
  await running;
});
