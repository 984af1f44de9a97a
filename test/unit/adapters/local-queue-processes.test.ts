import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { LocalQueue } from '../../../src/adapters/local/queue.ts';
import { temporaryDirectory, until } from '../../support/temporary.ts';
import { type Child, startChild } from './child.ts';

interface Step {
  event: 'ready' | 'sent' | 'taken' | 'releasing' | 'deleting' | 'deleted';
  body: string;
  receipt: string;
  /** ms since the epoch: when the step was over, and when the receive began. */
  at: number;
  started: number;
}

const visibilitySeconds = 1.5;

describe('several processes at one queue file', () => {
  const directory = temporaryDirectory();

  test('a send wakes a long poll in another process', async () => {
    const file = join(directory, 'wake');
    const queue = new LocalQueue({ file, name: 'q', visibilitySeconds: 30 });
    const child = startChild('queueReceiver.ts', file, 'q', '30');
    await until(() => child.lines.length > 0, 'the receiver to be ready');
    const delays: number[] = [];
    for (let i = 0; i < 15; i++) {
      await until(async () => (await queue.depth()).visible === 0, 'the receiver to be idle');
      await Bun.sleep(10);
      const sent = performance.timeOrigin + performance.now();
      await queue.send(`${i}`);
      const taken = () => steps(child).find(({ event, body }) => event === 'taken' && body === `${i}`);
      await until(() => taken() !== undefined, 'the message to be taken');
      delays.push(taken()!.at - sent);
    }
    await child.kill();
    await queue.close();
    // Without the bell it would be the re-check of 2 s, so that most delays would be far longer.
    expect(delays.sort((a, b) => a - b)[7]).toBeLessThan(500);
  }, 120_000);

  test('many processes may open a new file at once', async () => {
    const file = join(directory, 'opened-together');
    const children = Array.from({ length: 8 }, (_, i) => startChild('queueSender.ts', file, 'q', `c${i}`));
    await until(() => children.every(child => count(child, 'sent') > 2), 'all to have sent');
    await Promise.all(children.map(child => child.kill()));
    const queue = new LocalQueue({ file, name: 'q', visibilitySeconds: 30 });
    const sent = children.reduce((sum, child) => sum + count(child, 'sent'), 0);
    expect((await queue.depth()).visible).toBeGreaterThanOrEqual(sent);
    await queue.close();
  }, 120_000);

  test('none of those that make the same file at the same moment is refused', async () => {
    const [prefix, begin, rounds] = [join(directory, 'made-together-'), Date.now() + 1_000, 40];
    const children = Array.from({ length: 6 }, () =>
      startChild('queueOpener.ts', prefix, `${begin}`, `${rounds}`),
    );
    expect(await Promise.all(children.map(({ ended }) => ended))).toEqual(children.map(() => 0));
    for (const { lines } of children) expect(lines).toHaveLength(rounds);
  }, 120_000);

  test('kill -9 of senders and receivers loses nothing and delivers nothing twice at once', async () => {
    const file = join(directory, 'killed');
    const all: Child[] = [];
    const start = (i: number): Child => {
      const child =
        i % 2 === 0
          ? startChild('queueSender.ts', file, 'q', `s${all.length}`)
          : startChild('queueReceiver.ts', file, 'q', String(visibilitySeconds));
      all.push(child);
      return child;
    };
    const running = [0, 1, 2, 3].map(start);
    for (let kills = 0; kills < 24; kills++) {
      const i = kills % running.length;
      await until(() => running[i]!.lines.length > 5, 'the next victim to be at work');
      await Bun.sleep(Math.random() * 30);
      await running[i]!.kill();
      running[i] = start(i);
    }
    // From here on nobody sends; receivers empty the queue, the messages of killed ones after the timeout.
    await Promise.all([0, 2].map(i => running[i]!.kill()));
    const queue = new LocalQueue({ file, name: 'q', visibilitySeconds });
    await until(async () => isEmpty(await queue.depth()), 'the queue to be empty', 60_000);
    await Promise.all(running.map(child => child.kill()));
    await queue.close();

    const everything = all.map(steps);
    const sent = everything.flat().filter(({ event }) => event === 'sent');
    const taken = new Set(everything.flat().flatMap(step => (step.event === 'taken' ? [step.body] : [])));
    expect(sent.length).toBeGreaterThan(100);
    expect(sent.filter(({ body }) => !taken.has(body))).toEqual([]);
    expect(overlaps(everything)).toEqual([]);
  }, 180_000);
});

function steps({ lines }: Child): Step[] {
  return lines.map(line => JSON.parse(line) as Step);
}

function count(child: Child, event: Step['event']): number {
  return steps(child).filter(step => step.event === event).length;
}

function isEmpty({ visible, inFlight }: { visible: number; inFlight: number }): boolean {
  return visible + inFlight === 0;
}

/**
 * Deliveries of a message that began while another receiver held it. Held is the time from the answer to a receive
 * until the release or delete was begun, or until the timeout: what each process saw with certainty.
 */
function overlaps(processes: readonly Step[][]): string[] {
  const holds = processes.flatMap(events =>
    events.flatMap(({ event, body, receipt, started, at }) => {
      if (event !== 'taken') return [];
      const given = events.find(
        later => /^(deleting|releasing)$/.test(later.event) && later.receipt === receipt,
      );
      // The timeout runs from some moment after `started`; the processes' clocks may differ by some ms.
      const lapsed = started + visibilitySeconds * 1_000 - 20;
      const until = Math.min(given?.at ?? Number.POSITIVE_INFINITY, lapsed);
      return [{ body, receipt, from: at, until }];
    }),
  );
  const byBody = Map.groupBy(holds, ({ body }) => body);
  return [...byBody.values()].flatMap(same =>
    same.flatMap(a =>
      same
        .filter(b => a.receipt !== b.receipt && b.from >= a.from && b.from < a.until)
        .map(b => `${a.body} held ${a.from} to ${a.until}, delivered again at ${b.from}`),
    ),
  );
}
