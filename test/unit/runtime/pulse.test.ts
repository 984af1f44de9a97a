import { describe, expect, test } from 'bun:test';
import { ControllerPulse } from '../../../src/controller/pulse.ts';
import type { Decision, Snapshot } from '../../../src/core/scaling/types.ts';
import type { Photo } from '../../../src/face/image.ts';
import type { Message, Queue } from '../../../src/ports.ts';
import { Progress } from '../../../src/runtime/progress.ts';
import { askItself, readyWhenReachable, WebPulse } from '../../../src/web/pulse.ts';
import { WorkerPulse } from '../../../src/worker/pulse.ts';

const PATIENCE = 30_000;
const MINUTE = 60_000;

test('Progress counts from the last beginning or end, while something is under way', async () => {
  const world = { time: 0 };
  const progress = new Progress(() => world.time);
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  world.time = 5;
  expect([progress.stillMs, progress.restMs]).toEqual([0, 5]);
  const works = [progress.of(() => first.promise), progress.of(() => second.promise)];
  world.time = 15;
  expect([progress.underWay, progress.stillMs, progress.restMs]).toEqual([2, 10, 0]);
  first.reject(new Error('bad end'));
  await works[0]?.catch(() => {});
  expect([progress.underWay, progress.stillMs]).toEqual([1, 0]);
  second.resolve();
  await works[1];
  world.time = 20;
  expect([progress.underWay, progress.stillMs, progress.restMs]).toEqual([0, 0, 5]);
});

describe('WorkerPulse', () => {
  const unused = () => Promise.reject(new Error('unused'));
  function rig() {
    const world = { time: 0, draining: false };
    const polls: PromiseWithResolvers<Message[]>[] = [];
    const pulse = new WorkerPulse({
      pollSeconds: 20,
      processed: () => 120,
      draining: () => world.draining,
      now: () => world.time,
    });
    const inner: Queue = {
      send: unused,
      extend: unused,
      release: unused,
      delete: unused,
      depth: unused,
      receive() {
        const poll = Promise.withResolvers<Message[]>();
        polls.push(poll);
        return poll.promise;
      },
    };
    let polled = 0;
    const queue = pulse.queue(inner, () => polled++);
    const hang = new Promise<never>(() => {});
    const engine = pulse.engine({
      decode: () => hang,
      find: () => hang,
      close: async () => {},
      failed: hang,
    });
    const receive = () => queue.receive({ max: 10, waitSeconds: 20 }).catch(() => []);
    return { world, pulse, polls, receive, engine, polled: () => polled };
  }

  test('a queue that is down, and answers late, is no reason to be restarted', async () => {
    const { world, pulse, polls, receive, polled } = rig();
    for (let i = 0; i < 50; i++) {
      const answer = receive();
      // Five tries of 15 s each, then the pause before the next poll.
      world.time += 90_000;
      expect(pulse.stuck(PATIENCE)).toBeUndefined();
      polls.at(-1)?.reject(new Error('no route to host'));
      await answer;
      world.time += 5_000;
      expect(pulse.stuck(PATIENCE)).toBeUndefined();
    }
    expect(polled()).toBe(50);
    expect(pulse.status()).toBe('idle, 120 done, queue unavailable: no route to host');
    void receive();
    polls.at(-1)?.resolve([]);
    await Promise.resolve();
    await Promise.resolve();
    expect(pulse.status()).toBe('idle, 120 done');
  });

  test('an idle worker in a long poll gets on; a poll that never ends does not', () => {
    const { world, pulse, receive } = rig();
    void receive();
    world.time = MINUTE;
    expect(pulse.stuck(PATIENCE)).toBeUndefined();
    world.time = 3 * MINUTE;
    expect(pulse.stuck(PATIENCE)).toBe('the queue has not answered for 180 s');
  });

  test('an engine that does not answer is stuck after the patience, whatever the polls do', async () => {
    const { world, pulse, polls, receive, engine } = rig();
    const photo = pulse.photo(() => engine.find({} as Photo));
    void photo;
    world.time = PATIENCE - 1;
    const poll = receive();
    polls.at(-1)?.resolve([]);
    await poll;
    expect(pulse.stuck(PATIENCE)).toBeUndefined();
    expect(pulse.status()).toBe('naming 1 photo, 120 done');
    world.time = PATIENCE + 1;
    expect(pulse.stuck(PATIENCE)).toBe('the engine has not answered for 30 s');
    world.draining = true;
    expect(pulse.stuck(PATIENCE)).toBeDefined();
    expect(pulse.status()).toBe('draining, 1 photo left, 120 done');
  });

  test('a decoder that hangs, and a loop that stands still with empty hands', () => {
    const { world, pulse, engine } = rig();
    world.time = 3 * MINUTE;
    expect(pulse.stuck(PATIENCE)).toBe('nothing has been asked of the queue for 180 s');
    void engine.decode(new Uint8Array());
    world.time = 4 * MINUTE;
    expect(pulse.stuck(PATIENCE)).toBe('no photo has been decoded for 60 s');
  });
});

describe('ControllerPulse', () => {
  function rig() {
    const world = { time: 0, ready: 0 };
    const pulse = new ControllerPulse({ ready: () => world.ready++ }, () => world.time);
    return { world, pulse };
  }
  const round = async () => ({
    snapshot: {
      depth: { visible: 5, inFlight: 7, delayed: 0, dead: 0 },
      instances: [{}, {}],
    } as unknown as Snapshot,
    decision: { desired: 3 } as unknown as Decision,
  });

  test('rounds and pauses are life; a round without an end is not', async () => {
    const { world, pulse } = rig();
    pulse.part(true);
    expect(world.ready).toBeGreaterThan(0);
    await pulse.round(round);
    expect(pulse.status()).toBe('acting: 2 of 3 wanted workers, 12 requests pending');
    world.time += MINUTE;
    expect(pulse.stuck(PATIENCE)).toBeUndefined();
    await pulse.round(() => Promise.reject(new Error('EC2 is down'))).catch(() => {});
    expect(pulse.status()).toBe('acting, but the last round failed: EC2 is down');
    world.time += 3 * MINUTE;
    expect(pulse.stuck(PATIENCE)).toBe('there has been no round for 180 s');
    void pulse.round(() => new Promise(() => {}));
    expect(pulse.stuck(PATIENCE)).toBeUndefined();
    world.time += 6 * MINUTE;
    expect(pulse.stuck(PATIENCE)).toBe('a round has not ended for 360 s');
  });

  test('standing by is life as long as it is told who acts', () => {
    const { world, pulse } = rig();
    pulse.part(false);
    expect(pulse.status()).toBe('standing by');
    world.time += MINUTE;
    expect(pulse.stuck(PATIENCE)).toBeUndefined();
    world.time += 3 * MINUTE;
    expect(pulse.stuck(PATIENCE)).toBe('it has not been told who acts for 240 s');
  });
});

describe('WebPulse', () => {
  test('lives while the server answers itself', async () => {
    const world = { time: 0, status: 200 as number | undefined, stopping: false };
    const pulse = new WebPulse({
      url: new URL('http://127.0.0.1:1'),
      waiting: () => 2,
      stopping: () => world.stopping,
      ask: async () => world.status,
      now: () => world.time,
    });
    expect(pulse.status()).toBe('serving on http://127.0.0.1:1/, 2 waiting for results');
    for (const time of [20_000, 40_000]) {
      world.time = time;
      expect(pulse.stuck(PATIENCE)).toBeUndefined();
      await Promise.resolve();
      await Promise.resolve();
    }
    world.status = undefined;
    world.time = 71_000;
    expect(pulse.stuck(PATIENCE)).toBe('the server has not answered itself for 31 s');
    world.stopping = true;
    expect(pulse.stuck(PATIENCE)).toBeUndefined();
  });

  test('asks over the network, and takes silence for an answer', async () => {
    let asked = '';
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: request => {
        asked = new URL(request.url).pathname;
        return new Response('', { status: 503 });
      },
    });
    expect(await askItself(server.url, '/readyz')).toBe(503);
    expect(asked).toBe('/readyz');
    await server.stop(true);
    expect(await askItself(server.url, '/readyz')).toBeUndefined();
  });

  test('is ready when queue and stores are reachable, and not before', async () => {
    const answers = [undefined, 503, 200];
    const asked: string[] = [];
    let ready = 0;
    await readyWhenReachable(
      { ready: () => ready++ },
      {
        url: new URL('http://127.0.0.1:1'),
        waiting: () => 0,
        stopping: () => false,
        ask: async (_, path) => {
          asked.push(path);
          expect(ready).toBe(0);
          return answers.shift();
        },
      },
      new AbortController().signal,
    );
    expect(ready).toBe(1);
    expect(asked).toEqual(['/readyz', '/readyz', '/readyz']);
  });
});
