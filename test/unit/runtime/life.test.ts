import { describe, expect, test } from 'bun:test';
import { NotifyingLife } from '../../../src/runtime/life.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { socketAddress } from '../../../src/runtime/notify.ts';

function rig(watchdog: number | 'none' = 10_000) {
  const watchdogMs = watchdog === 'none' ? undefined : watchdog;
  const notes: string[] = [];
  const events: string[] = [];
  const world = { time: 0, deaf: false, stuck: undefined as string | undefined, status: 'idle', patience: 0 };
  const note = (event: string) => events.push(event);
  const life = new NotifyingLife({
    send(note) {
      if (world.deaf) throw new Error('ECONNREFUSED');
      notes.push(note);
    },
    monotonicMicroseconds: () => 123n,
    watchdogMs,
    startMs: 60_000,
    log: { ...silentLog, info: note, warn: note, error: note },
    now: () => world.time,
  });
  const signs = {
    status: () => world.status,
    stuck(patienceMs: number) {
      world.patience = patienceMs;
      return world.stuck;
    },
  };
  return { life, notes, events, world, signs, take: () => notes.splice(0) };
}

const MORE_TIME = 'EXTEND_TIMEOUT_USEC=30000000';

describe('NotifyingLife', () => {
  test('asks for time while it starts, but not for ever', () => {
    const { life, world, take } = rig();
    life.tick();
    expect(take()).toEqual([MORE_TIME]);
    world.time = 61_000;
    life.tick();
    expect(take()).toEqual([]);
  });

  test('is ready once, then lives; a changed status is told with it', () => {
    const { life, world, signs, take } = rig();
    life.ready(signs);
    life.ready(signs);
    life.tick();
    world.status = 'naming\n3 photos';
    life.tick();
    life.tick();
    expect(take()).toEqual([
      'READY=1\nSTATUS=idle',
      'WATCHDOG=1',
      'WATCHDOG=1\nSTATUS=naming 3 photos',
      'WATCHDOG=1',
    ]);
    expect(world.patience).toBe(10_000);
    expect(life.tickMs).toBe(2500);
  });

  test('what is stuck gets no watchdog, and is logged once', () => {
    const { life, world, signs, take, events } = rig();
    life.ready(signs);
    world.stuck = 'the engine hangs';
    life.tick();
    life.tick();
    world.stuck = undefined;
    life.tick();
    expect(take().slice(1)).toEqual(['STATUS=stuck: the engine hangs', 'WATCHDOG=1\nSTATUS=idle']);
    expect(events).toEqual(['stuck', 'getting-on-again']);
  });

  test('a stop asks for time as long as it gets on', () => {
    const { life, world, signs, take } = rig();
    life.ready(signs);
    life.stopping();
    life.stopping();
    life.tick();
    world.stuck = 'the engine hangs';
    life.tick();
    expect(take().slice(1)).toEqual([
      `STOPPING=1\n${MORE_TIME}`,
      `WATCHDOG=1\n${MORE_TIME}`,
      'STATUS=stuck: the engine hangs',
    ]);
  });

  test('a reload is told around the work, but not in a start or a stop', () => {
    const { life, signs, take } = rig();
    let reloads = 0;
    const reload = () => reloads++;
    life.reloading(reload);
    life.ready(signs);
    life.reloading(reload);
    life.stopping();
    life.reloading(reload);
    expect(reloads).toBe(3);
    expect(take().slice(1, -1)).toEqual(['RELOADING=1\nMONOTONIC_USEC=123', 'READY=1']);
  });

  test('without a watchdog only the status is told', () => {
    const { life, world, signs, take } = rig('none');
    life.ready(signs);
    life.tick();
    world.status = 'busy';
    life.tick();
    expect(take()).toEqual(['READY=1\nSTATUS=idle', 'STATUS=busy']);
    expect(world.patience).toBe(60_000);
    expect(life.tickMs).toBe(5000);
  });

  test('what could not be sent is sent later, but for signs of life', () => {
    const { life, world, signs, take, events } = rig();
    world.deaf = true;
    life.ready(signs);
    life.tick();
    expect(take()).toEqual([]);
    expect(events).toEqual(['notify-error']);
    world.deaf = false;
    life.tick();
    expect(take()).toEqual(['READY=1\nSTATUS=idle', 'WATCHDOG=1']);
  });
});

test('addresses: the family, then a path with its end or an abstract name without', () => {
  expect([...socketAddress('/a')]).toEqual([1, 0, 47, 97, 0]);
  expect([...socketAddress('@a')]).toEqual([1, 0, 0, 97]);
  for (const name of ['', '@', 'relative', 'vsock:2:9', `/${'x'.repeat(107)}`, `@${'x'.repeat(108)}`])
    expect(() => socketAddress(name)).toThrow('NOTIFY_SOCKET');
});
