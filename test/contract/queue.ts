import { afterAll, beforeEach, describe, expect, test } from 'bun:test';
import type { Depth, Message, Queue } from '../../src/ports.ts';

export interface QueueHarness {
  /** A queue that gives a message back after `visibilitySeconds` and has no dead letters. */
  readonly queue: Queue;
  /** A queue whose messages go to `deadLetters` after 3 receives; the same timeout. */
  readonly redriving: Queue;
  readonly deadLetters: Queue;
  readonly visibilitySeconds: number;
  /** Lets that much time pass for the queues: a fake clock moves, a real one is waited for. */
  advance(seconds: number): Promise<void>;
  close(): Promise<void>;
}

/** What an adapter (or the server that a test runs it against) is known not to do; said beside the test that is left out. */
export type QueueGap =
  | 'astral characters'
  | 'counts lapsed messages as visible'
  | 'rejects a foreign receipt';

export interface QueueContract {
  /** Called before each test: queues that hold nothing. */
  make(): Promise<QueueHarness>;
  readonly gaps?: readonly QueueGap[];
}

/** What every `Queue` has to do. */
export function queueContract(name: string, { make, gaps = [] }: QueueContract): void {
  const unless = (gap: QueueGap) => test.skipIf(gaps.includes(gap));

  describe(`${name} as a Queue`, () => {
    const harnesses: QueueHarness[] = [];
    let harness: QueueHarness;
    let queue: Queue;

    beforeEach(async () => {
      harness = await make();
      harnesses.push(harness);
      queue = harness.queue;
    });
    afterAll(() => Promise.all(harnesses.map(each => each.close())));

    test('delivers what was sent', async () => {
      const before = Date.now();
      await queue.send('hello');
      const message = await receiveOne(queue);
      expect(message.body).toBe('hello');
      expect(message.receiveCount).toBe(1);
      expect(message.id).not.toBe('');
      expect(Math.abs(message.sentAt - before)).toBeLessThan(60_000);
    });

    test('resolves with nothing when there is nothing', async () => {
      expect(await queue.receive({ max: 10, waitSeconds: 0 })).toEqual([]);
    });

    test.each([
      'Ärger, naïve, 日本語, \t\n\r',
      '"quoted" \'and\' \\escaped; DROP TABLE messages; --',
      'x'.repeat(1_024),
      'y'.repeat(65_536),
    ])('keeps bodies as they are (%#)', async body => {
      await queue.send(body);
      expect((await receiveOne(queue)).body).toBe(body);
    });

    unless('astral characters')('keeps characters beyond the basic plane', async () => {
      await queue.send('face 🙂 𝔉');
      expect((await receiveOne(queue)).body).toBe('face 🙂 𝔉');
    });

    test('hides a received message until its timeout ends, then delivers it again', async () => {
      await queue.send('once more');
      const first = await receiveOne(queue);
      expect(await take(queue)).toEqual([]);
      await harness.advance(harness.visibilitySeconds + 0.1);
      const second = await receiveOne(queue);
      expect(second.id).toBe(first.id);
      expect(second.body).toBe('once more');
      expect(second.receiveCount).toBe(2);
      expect(second.receipt).not.toBe(first.receipt);
      expect(second.sentAt).toBe(first.sentAt);
    });

    test('extends the timeout from now', async () => {
      await queue.send('slow');
      const { receipt } = await receiveOne(queue);
      expect(await queue.extend(receipt, harness.visibilitySeconds * 3)).toBe(true);
      await harness.advance(harness.visibilitySeconds * 2);
      expect(await take(queue)).toEqual([]);
      expect(await queue.extend(receipt, harness.visibilitySeconds * 3)).toBe(true);
      await harness.advance(harness.visibilitySeconds * 2);
      expect(await take(queue)).toEqual([]);
      await harness.advance(harness.visibilitySeconds + 0.1);
      expect((await receiveOne(queue)).body).toBe('slow');
    });

    test('gives a released message to others at once', async () => {
      await queue.send('back');
      const { receipt } = await receiveOne(queue);
      expect(await queue.release(receipt)).toBe(true);
      expect((await receiveOne(queue)).receiveCount).toBe(2);
    });

    test('deletes for good', async () => {
      await queue.send('done');
      await queue.delete((await receiveOne(queue)).receipt);
      await harness.advance(harness.visibilitySeconds + 0.1);
      expect(await take(queue)).toEqual([]);
      expect(await depthOf(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 0, dead: 0 });
    });

    test('a stale receipt extends, releases and deletes nothing', async () => {
      await queue.send('contended');
      const { receipt: stale } = await receiveOne(queue);
      await harness.advance(harness.visibilitySeconds + 0.1);
      const { receipt } = await receiveOne(queue);
      expect(await queue.extend(stale, 60)).toBe(false);
      expect(await queue.release(stale)).toBe(false);
      await queue.delete(stale);
      expect(await take(queue)).toEqual([]);
      expect(await queue.release(receipt)).toBe(true);
      expect((await receiveOne(queue)).body).toBe('contended');
    });

    test('a receipt of a deleted message is stale', async () => {
      await queue.send('gone');
      const { receipt } = await receiveOne(queue);
      await queue.delete(receipt);
      await queue.delete(receipt);
      expect(await queue.extend(receipt, 60)).toBe(false);
      expect(await queue.release(receipt)).toBe(false);
    });

    unless('rejects a foreign receipt')('what was never a receipt is stale', async () => {
      await queue.send('safe');
      for (const receipt of ['', 'nonsense', '1', "1.' OR 1=1 --"]) {
        expect(await queue.extend(receipt, 60)).toBe(false);
        expect(await queue.release(receipt)).toBe(false);
        await queue.delete(receipt);
      }
      expect((await receiveOne(queue)).body).toBe('safe');
    });

    test('delivers no more than max at once, and all in the end', async () => {
      const bodies = Array.from({ length: 25 }, (_, i) => `body ${i}`);
      await Promise.all(bodies.map(body => queue.send(body)));
      const seen: string[] = [];
      while (seen.length < bodies.length) {
        const messages = await queue.receive({ max: 7, waitSeconds: 1 });
        expect(messages.length).toBeLessThanOrEqual(7);
        expect(messages.length).toBeGreaterThan(0);
        seen.push(...messages.map(({ body }) => body));
        await Promise.all(messages.map(({ receipt }) => queue.delete(receipt)));
      }
      expect(seen.sort()).toEqual(bodies.sort());
    });

    test('gives no message to two receivers at once', async () => {
      await Promise.all(Array.from({ length: 60 }, (_, i) => queue.send(String(i))));
      const receivers = Array.from({ length: 12 }, async () => {
        const mine: Message[] = [];
        for (;;) {
          const messages = await queue.receive({ max: 3, waitSeconds: 0 });
          if (messages.length === 0) return mine;
          mine.push(...messages);
        }
      });
      const seen = (await Promise.all(receivers)).flat().map(({ body }) => Number(body));
      expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i));
    });

    test('wakes a long poll when a message is sent', async () => {
      const started = performance.now();
      const polling = queue.receive({ max: 10, waitSeconds: 20 });
      await Bun.sleep(50);
      await queue.send('wake up');
      expect((await polling).map(({ body }) => body)).toEqual(['wake up']);
      expect(performance.now() - started).toBeLessThan(10_000);
    });

    test('wakes a long poll when a message is released', async () => {
      await queue.send('back');
      const { receipt } = await receiveOne(queue);
      const started = performance.now();
      const polling = queue.receive({ max: 10, waitSeconds: 20 });
      await queue.extend(receipt, 600);
      await queue.release(receipt);
      expect((await polling).map(({ body }) => body)).toEqual(['back']);
      expect(performance.now() - started).toBeLessThan(10_000);
    });

    test('serves several long polls at once', async () => {
      const polls = Array.from({ length: 4 }, () => queue.receive({ max: 1, waitSeconds: 20 }));
      await Promise.all(['a', 'b', 'c', 'd'].map(body => queue.send(body)));
      const bodies = (await Promise.all(polls)).flat().map(({ body }) => body);
      expect(bodies.sort()).toEqual(['a', 'b', 'c', 'd']);
    });

    test('ends a long poll with nothing when its time is up', async () => {
      expect(await queue.receive({ max: 1, waitSeconds: 1 })).toEqual([]);
    });

    test('an abort ends a poll at once, and takes nothing', async () => {
      const abort = new AbortController();
      const started = performance.now();
      const polling = queue.receive({ max: 10, waitSeconds: 20, signal: abort.signal });
      await Bun.sleep(20);
      abort.abort();
      expect(await polling).toEqual([]);
      expect(performance.now() - started).toBeLessThan(5_000);
      await queue.send('for the next');
      // SQS may give a message to the poll that has just died: it is back after the timeout.
      let messages = await queue.receive({ max: 10, waitSeconds: 1 });
      if (messages.length === 0) {
        await harness.advance(harness.visibilitySeconds + 0.1);
        messages = await queue.receive({ max: 10, waitSeconds: 20 });
      }
      expect(messages.map(({ body }) => body)).toEqual(['for the next']);
    });

    test('a signal that has fired before the call takes nothing', async () => {
      await queue.send('still there');
      expect(await queue.receive({ max: 10, waitSeconds: 20, signal: AbortSignal.abort() })).toEqual([]);
      expect((await receiveOne(queue)).body).toBe('still there');
    });

    test('counts what is visible and what is in flight', async () => {
      expect(await depthOf(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 0, dead: 0 });
      await Promise.all(['a', 'b', 'c'].map(body => queue.send(body)));
      expect(await depthOf(queue)).toEqual({ visible: 3, inFlight: 0, delayed: 0, dead: 0 });
      const { receipt } = await receiveOne(queue);
      expect(await depthOf(queue)).toEqual({ visible: 2, inFlight: 1, delayed: 0, dead: 0 });
      await queue.delete(receipt);
      expect(await depthOf(queue)).toEqual({ visible: 2, inFlight: 0, delayed: 0, dead: 0 });
    });

    unless('counts lapsed messages as visible')('counts a lapsed message as visible again', async () => {
      await queue.send('lapsed');
      await receiveOne(queue);
      await harness.advance(harness.visibilitySeconds + 0.1);
      expect(await depthOf(queue)).toEqual({ visible: 1, inFlight: 0, delayed: 0, dead: 0 });
    });

    test('moves a message to the dead letters instead of a fourth receive', async () => {
      const { redriving, deadLetters } = harness;
      await redriving.send('poison');
      const { sentAt } = await receiveAndRelease(redriving, 1);
      await receiveAndRelease(redriving, 2);
      const { receipt } = await receiveOne(redriving);
      expect(await take(deadLetters)).toEqual([]);
      expect(await redriving.release(receipt)).toBe(true);
      expect(await take(redriving)).toEqual([]);
      const dead = await receiveOne(deadLetters);
      expect(dead.body).toBe('poison');
      expect(dead.sentAt).toBe(sentAt);
      expect((await redriving.depth()).dead).toBe(1);
      await deadLetters.delete(dead.receipt);
      expect((await redriving.depth()).dead).toBe(0);
    });

    test('a poisonous message does not hide a good one behind it', async () => {
      const { redriving } = harness;
      await redriving.send('poison');
      for (const count of [1, 2, 3]) await receiveAndRelease(redriving, count);
      await redriving.send('good');
      const good = await receiveOne(redriving);
      expect(good.body).toBe('good');
    });
  });
}

function take(queue: Queue): Promise<Message[]> {
  return queue.receive({ max: 10, waitSeconds: 0 });
}

async function receiveOne(queue: Queue): Promise<Message> {
  const [message] = await queue.receive({ max: 1, waitSeconds: 10 });
  if (message === undefined) throw new Error('nothing was received');
  return message;
}

async function receiveAndRelease(queue: Queue, receiveCount: number): Promise<Message> {
  const message = await receiveOne(queue);
  expect(message.receiveCount).toBe(receiveCount);
  expect(await queue.release(message.receipt)).toBe(true);
  return message;
}

async function depthOf(queue: Queue): Promise<Depth> {
  const { visible, inFlight, delayed, dead } = await queue.depth();
  return { visible, inFlight, delayed, dead };
}
