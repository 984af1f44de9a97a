import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { LocalQueue } from '../../../src/adapters/local/queue.ts';
import { act } from '../../../src/controller/act.ts';
import { Observer } from '../../../src/controller/observe.ts';
import { type Heartbeat, heartbeatKey } from '../../../src/core/heartbeat.ts';
import type { Blobs, Fleet, Instance, LogFields, Queue } from '../../../src/ports.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { wrapBlobs } from '../../support/wrap.ts';

/** A fleet that only remembers what was asked of it. */
class NotedFleet implements Fleet {
  readonly asked: string[] = [];
  instances: Instance[];

  readonly #now: () => number;

  constructor(instances: Instance[], now: () => number = () => 0) {
    this.instances = instances;
    this.#now = now;
  }
  now() {
    return this.#now();
  }
  async list() {
    return this.instances;
  }
  closedSlots(below: number) {
    return [below - 1];
  }
  async launch(slots: readonly number[]) {
    this.asked.push(`launch ${slots}`);
  }
  async drain(ids: readonly string[]) {
    this.asked.push(`drain ${ids}`);
  }
  async terminate(ids: readonly string[]) {
    this.asked.push(`terminate ${ids}`);
  }
  async close() {}
}

function watching(output: Blobs, fleet: Fleet, now: () => number, queue?: Queue): Observer {
  const file = join(temporaryDirectory(), 'q.sqlite');
  const requests = queue ?? new LocalQueue({ file, name: 'q', visibilitySeconds: 30 });
  // A clock that only goes forward need not agree with any other.
  const monotonic = () => now() - 123_456;
  return new Observer({ requests, output, fleet, fleetName: 'f', slots: () => 5, monotonic });
}

test('an observation joins queue, fleet and heartbeats', async () => {
  const directory = temporaryDirectory();
  let now = 1_000_000;
  const output = await LocalBlobs.open(join(directory, 'out'), { now: () => now });
  const requests = new LocalQueue({ file: join(directory, 'q.sqlite'), name: 'q', visibilitySeconds: 30 });
  const put = (id: string, heartbeat: unknown) =>
    output.put(heartbeatKey('f', id), new TextEncoder().encode(JSON.stringify(heartbeat)));
  const heartbeat: Heartbeat = {
    v: 1,
    id: 'idle',
    state: 'idle',
    at: now,
    startedAt: now,
    idleSince: 5,
    processed: 0,
    version: '0',
  };
  await put('idle', heartbeat);
  await put('busy', { ...heartbeat, id: 'busy', state: 'busy', idleSince: null });
  await put('silent', { v: 99, id: 'other', idleSince: 1 });
  await requests.send('x');
  const instance = (id: string, slot: number): Instance => ({ id, slot, launchedAt: 0, state: 'running' });
  const workers = [instance('idle', 0), instance('busy', 1), instance('silent', 2)];
  const fleet = new NotedFleet(workers, () => now);
  const observer = watching(output, fleet, () => now, requests);
  const snapshot = await observer.snapshot();
  expect(snapshot.closedSlots).toEqual([4]);
  expect(snapshot.depth).toEqual({ visible: 1, inFlight: 0, delayed: 0, dead: 0 });
  expect(snapshot.instances.map(({ id, reported, idleSince }) => [id, reported, idleSince])).toEqual([
    ['idle', true, 5],
    ['busy', true, null],
    ['silent', true, null],
  ]);
  // One that is not understood, or does not tell, has done nothing that is known.
  expect(
    snapshot.instances.map(({ startedAt, processed, busyMs }) => [startedAt, processed, busyMs]),
  ).toEqual([
    [now, 0, 0],
    [now, 0, 0],
    [null, 0, 0],
  ]);
  // Heartbeats of instances that are long gone are swept, and only those.
  now += 3_700_000;
  await observer.snapshot();
  expect(await output.list('fleet/')).toHaveLength(3);
  fleet.instances = fleet.instances.slice(0, 1);
  now += 15_000;
  await put('idle', heartbeat);
  const later = await observer.snapshot();
  // To look changes nothing.
  expect(await output.list('fleet/')).toHaveLength(3);
  await observer.sweep(later);
  expect((await output.list('fleet/')).map(({ key }) => key)).toEqual([heartbeatKey('f', 'idle')]);
});

test('fleets that share a store do not see each other’s workers', async () => {
  const output = await LocalBlobs.open(join(temporaryDirectory(), 'out'));
  const body = new TextEncoder().encode('{}');
  await output.put(heartbeatKey('f2', 'i-1'), body);
  await output.put(heartbeatKey('f', 'i-2'), body);
  const running = { slot: 0, launchedAt: 0, state: 'running' } as const;
  const fleet = new NotedFleet([
    { id: 'i-1', ...running },
    { id: 'i-2', ...running },
  ]);
  const { instances } = await watching(output, fleet, Date.now).snapshot();
  expect(instances.map(({ reported }) => reported)).toEqual([false, true]);
});

test('a heartbeat that cannot be read now makes nobody dead, nor does a goodbye', async () => {
  const directory = temporaryDirectory();
  let now = 1_000_000;
  let broken = true;
  const store = await LocalBlobs.open(join(directory, 'out'), { now: () => now });
  const output = wrapBlobs(store, {
    list: (...args) => (broken ? Promise.reject(new Error('503')) : store.list(...args)),
  });
  const fleet = new NotedFleet([{ id: 'i-1', slot: 0, launchedAt: 0, state: 'running' }]);
  const observer = watching(output, fleet, () => now);
  const heartbeat = {
    v: 1,
    id: 'i-1',
    state: 'busy',
    at: now,
    startedAt: 0,
    idleSince: null,
    processed: 1,
    version: '0',
  };
  await store.put(heartbeatKey('f', 'i-1'), new TextEncoder().encode(JSON.stringify(heartbeat)));
  for (let i = 0; i < 3; i++) {
    await expect(observer.snapshot()).rejects.toThrow('503');
    now += 1000;
  }
  broken = false;
  expect((await observer.snapshot()).instances).toMatchObject([{ reported: true, idleSince: null }]);
  await store.put(
    heartbeatKey('f', 'i-1'),
    new TextEncoder().encode(JSON.stringify({ ...heartbeat, state: 'draining' })),
  );
  now += 15_000;
  expect((await observer.snapshot()).instances).toMatchObject([{ reported: true, state: 'draining' }]);
  await store.delete(heartbeatKey('f', 'i-1'));
  now += 15_000;
  expect((await observer.snapshot()).instances).toMatchObject([{ reported: true, state: 'running' }]);
});

const HOUR = 3_600_000;

/** Workers of a fake clock that beat every 15 s, and an observer that looks each second. */
class Watch {
  now = 1_000_000;
  /** The fleet's clock is an hour ahead of all others. */
  readonly fleet = new NotedFleet([], () => this.now + HOUR);
  readonly beating = new Set<string>();
  lists = 0;
  gets = 0;
  broken = false;
  /** How far the store's clock is ahead, ms. */
  skewMs = 0;
  observer: Observer;
  readonly #store: LocalBlobs;

  static async open(): Promise<Watch> {
    let watch: Watch | undefined;
    const now = () => watch!.now + watch!.skewMs;
    watch = new Watch(await LocalBlobs.open(join(temporaryDirectory(), 'out'), { now }));
    return watch;
  }
  private constructor(store: LocalBlobs) {
    this.#store = store;
    this.observer = this.#observe();
  }

  launch(id: string, overrides: Partial<Instance> = {}): void {
    this.fleet.instances = [
      ...this.fleet.instances.filter(each => each.id !== id),
      { id, slot: 0, launchedAt: this.fleet.now(), state: 'running', ...overrides },
    ];
    this.beating.add(id);
  }
  gone(id: string): void {
    this.fleet.instances = this.fleet.instances.filter(each => each.id !== id);
    this.beating.delete(id);
  }
  restart(): void {
    this.observer = this.#observe();
  }
  async say(id: string, state: Heartbeat['state'] = 'busy', times: Partial<Heartbeat> = {}): Promise<void> {
    const at = this.now;
    const said: Heartbeat = {
      v: 1,
      id,
      state,
      at,
      startedAt: 0,
      idleSince: null,
      processed: 0,
      version: '0',
      ...times,
    };
    await this.#store.put(heartbeatKey('f', id), new TextEncoder().encode(JSON.stringify(said)));
  }
  async goodbye(id: string): Promise<void> {
    this.beating.delete(id);
    await this.#store.delete(heartbeatKey('f', id));
  }
  async look() {
    const { instances, unheard } = await this.observer.snapshot();
    const idle = Object.fromEntries(instances.map(i => [i.id, i.idleSince]));
    const reported = instances.filter(i => i.reported).map(i => i.id);
    const silent = Object.fromEntries(instances.map(i => [i.id, i.silentMs / 1000]));
    return { reported, silent, idle, unheard };
  }
  /** Each second one look, whatever comes of it. */
  async pass(seconds: number): Promise<void> {
    for (let s = 0; s < seconds; s++) {
      this.now += 1000;
      if (this.now % 15_000 === 0) for (const id of this.beating) await this.say(id);
      await this.look().catch(() => {});
    }
  }

  #observe(): Observer {
    const list: Blobs['list'] = (...args) => {
      this.lists++;
      return this.broken ? Promise.reject(new Error('503')) : this.#store.list(...args);
    };
    const get: Blobs['get'] = key => {
      this.gets++;
      return this.#store.get(key);
    };
    return watching(wrapBlobs(this.#store, { list, get }), this.fleet, () => this.now);
  }
}

test('five workers for an hour: a list every 15 s, and one get for each heartbeat', async () => {
  const watch = await Watch.open();
  for (let n = 0; n < 5; n++) watch.launch(`i-${n}`, { slot: n });
  await watch.pass(3600);
  // And some more before the first of them are seen.
  expect(watch.lists).toBeLessThanOrEqual(245);
  expect(watch.gets).toBeLessThanOrEqual(1200);
  // What does not change is not read again.
  watch.beating.clear();
  await watch.pass(60);
  const { gets } = watch;
  await watch.pass(600);
  expect(watch.gets).toBe(gets);
}, 60_000);

test('who reports for the first time is seen within three seconds', async () => {
  const watch = await Watch.open();
  watch.launch('i-0');
  await watch.pass(60);
  watch.launch('i-1', { slot: 1 });
  watch.beating.delete('i-1');
  await watch.pass(20);
  expect((await watch.look()).reported).toEqual(['i-0']);
  await watch.say('i-1');
  await watch.pass(3);
  expect((await watch.look()).reported).toEqual(['i-0', 'i-1']);
  const { lists } = watch;
  await watch.pass(30);
  expect(watch.lists - lists).toBeLessThanOrEqual(2);
});

test('silence is what the controller watched, whatever the clocks of workers and store say', async () => {
  const watch = await Watch.open();
  watch.skewMs = -86_400_000;
  watch.launch('i-live');
  watch.launch('i-hung');
  await watch.pass(60);
  watch.beating.delete('i-hung');
  for (let s = 0; s < 50; s++) {
    await watch.pass(1);
    const { silent } = await watch.look();
    expect(silent['i-live']).toBeLessThan(60);
    expect(silent['i-hung']).toBeLessThan(60);
  }
  await watch.pass(40);
  const { silent } = await watch.look();
  expect(silent['i-live']).toBeLessThan(60);
  expect(silent['i-hung']).toBeGreaterThanOrEqual(60);
  // A step of the store's clock is a change, and no silence.
  watch.skewMs = 86_400_000;
  await watch.pass(40);
  expect((await watch.look()).silent['i-live']).toBeLessThan(60);
  await watch.say('i-hung');
  await watch.pass(15);
  expect((await watch.look()).silent['i-hung']).toBe(0);
});

test('after a restart, and after a time without sight, nobody is silent before another minute', async () => {
  const watch = await Watch.open();
  watch.launch('i-hung');
  await watch.pass(30);
  watch.beating.clear();
  await watch.pass(300);
  expect((await watch.look()).silent['i-hung']).toBeGreaterThan(240);
  watch.restart();
  await watch.pass(59);
  expect((await watch.look()).silent['i-hung']).toBeLessThan(60);
  await watch.pass(16);
  expect((await watch.look()).silent['i-hung']).toBeGreaterThanOrEqual(60);
  watch.broken = true;
  await watch.pass(90);
  watch.broken = false;
  await watch.pass(1);
  expect((await watch.look()).silent['i-hung']).toBe(0);
});

test('a grant of leave is a change: silence is counted from then on', async () => {
  const watch = await Watch.open();
  watch.launch('i-1');
  await watch.pass(30);
  watch.beating.clear();
  await watch.pass(900);
  watch.launch('i-1', { state: 'draining', launchedAt: 0 });
  watch.beating.clear();
  await watch.pass(1);
  expect((await watch.look()).silent['i-1']).toBeLessThan(15);
  await watch.pass(590);
  expect((await watch.look()).silent['i-1']).toBeLessThan(600);
  await watch.pass(30);
  expect((await watch.look()).silent['i-1']).toBeGreaterThanOrEqual(600);
});

test('who is gone without a hello is remembered until somebody says one', async () => {
  const watch = await Watch.open();
  const silentLaunch = (id: string) => {
    watch.launch(id);
    watch.beating.delete(id);
  };
  await watch.look();
  silentLaunch('i-1');
  silentLaunch('i-2');
  await watch.pass(20);
  const goneAt = watch.fleet.now();
  watch.gone('i-1');
  await watch.pass(16);
  expect((await watch.look()).unheard.map(({ id }) => id)).toEqual(['i-1']);
  expect((await watch.look()).unheard[0]!.at - goneAt).toBeLessThanOrEqual(1000);
  // Overdue since long: that is when it failed, and not when it was gone.
  const overdue = watch.fleet.now() - 36_000 + 600_000;
  await watch.pass(700);
  watch.gone('i-2');
  await watch.pass(16);
  expect((await watch.look()).unheard).toMatchObject([{ id: 'i-1' }, { id: 'i-2', at: overdue }]);
  watch.launch('i-3');
  await watch.pass(30);
  expect((await watch.look()).unheard).toEqual([]);
});

test('one that said hello and was gone before anybody looked has been heard', async () => {
  const watch = await Watch.open();
  await watch.look();
  watch.launch('i-1');
  watch.now += 1000;
  await watch.look();
  await watch.say('i-1');
  watch.gone('i-1');
  await watch.pass(31);
  expect((await watch.look()).unheard).toEqual([]);
});

describe('what a controller has not watched from the launch on proves nothing', () => {
  test('those that are leaving when it starts', async () => {
    const watch = await Watch.open();
    for (const id of ['i-1', 'i-2', 'i-3']) watch.launch(id);
    await watch.pass(60);
    for (const id of ['i-1', 'i-2', 'i-3']) {
      watch.launch(id, { state: 'draining', launchedAt: 0 });
      await watch.goodbye(id);
    }
    watch.restart();
    await watch.pass(90);
    for (const id of ['i-1', 'i-2', 'i-3']) watch.gone(id);
    await watch.pass(30);
    expect((await watch.look()).unheard).toEqual([]);
  });

  test('those that have said goodbye and are not known to be leaving yet', async () => {
    const watch = await Watch.open();
    watch.launch('i-1');
    await watch.pass(60);
    await watch.goodbye('i-1');
    watch.restart();
    await watch.pass(30);
    watch.launch('i-1', { state: 'draining', launchedAt: 0 });
    watch.beating.clear();
    await watch.pass(90);
    watch.gone('i-1');
    await watch.pass(30);
    expect((await watch.look()).unheard).toEqual([]);
  });

  test('those that came and went while it could not look', async () => {
    const watch = await Watch.open();
    await watch.look();
    watch.broken = true;
    await watch.pass(30);
    watch.launch('i-1', { launchedAt: watch.fleet.now() });
    await watch.pass(60);
    await watch.goodbye('i-1');
    watch.broken = false;
    await watch.pass(20);
    watch.gone('i-1');
    await watch.pass(20);
    expect((await watch.look()).unheard).toEqual([]);
  });

  test('but one that stays silent for a minute does, whoever launched it', async () => {
    const watch = await Watch.open();
    watch.launch('i-1');
    watch.beating.clear();
    await watch.pass(90);
    watch.gone('i-1');
    await watch.pass(1);
    expect((await watch.look()).unheard).toMatchObject([{ id: 'i-1' }]);
  });
});

test('a hello is one for all: who was overdue before it is not counted again, there or gone', async () => {
  const watch = await Watch.open();
  await watch.look();
  for (const id of ['i-1', 'i-2']) watch.launch(id);
  watch.beating.clear();
  await watch.pass(610);
  expect((await watch.look()).unheard.map(({ id }) => id)).toEqual(['i-1', 'i-2']);
  watch.launch('i-3');
  await watch.pass(30);
  expect((await watch.look()).unheard).toEqual([]);
  for (const id of ['i-1', 'i-2']) watch.gone(id);
  await watch.pass(30);
  expect((await watch.look()).unheard).toEqual([]);
});

test('who was granted leave before its first hello may end without one', async () => {
  const watch = await Watch.open();
  await watch.look();
  for (const id of ['i-1', 'i-2']) watch.launch(id);
  watch.beating.clear();
  await watch.pass(30);
  watch.observer.granted(['i-1']);
  for (const id of ['i-1', 'i-2']) watch.launch(id, { state: 'draining' });
  watch.beating.clear();
  await watch.pass(30);
  expect((await watch.look()).unheard.map(({ id }) => id)).toEqual(['i-2']);
});

test('how long a worker has been idle is by its own clock until it says so, and by ours since', async () => {
  const watch = await Watch.open();
  for (const skewMs of [0, HOUR, -HOUR]) {
    const id = `i-${skewMs}`;
    watch.launch(id, { slot: 0 });
    watch.beating.clear();
    const at = watch.now + skewMs;
    await watch.say(id, 'idle', { at, idleSince: at - 100_000 });
    await watch.pass(15);
    const seen = watch.now;
    await watch.pass(47);
    const { idle } = await watch.look();
    const idleMs = watch.fleet.now() - idle[id]!;
    expect(idleMs).toBeGreaterThanOrEqual(100_000 + watch.now - seen);
    expect(idleMs).toBeLessThanOrEqual(100_000 + watch.now - seen + 15_000);
  }
});

test('when a worker began is by its own clock until it says so, by the store’s until it is seen, by ours since', async () => {
  for (const [workerMs, storeMs, lateMs] of [
    [0, HOUR, 0],
    [HOUR, HOUR, 0],
    [-HOUR, HOUR, 0],
    // The store's clock is no help: what is told is as old as it was at most.
    [0, 0, 15_000],
  ] as const) {
    const watch = await Watch.open();
    watch.skewMs = storeMs;
    watch.launch('i-1');
    watch.beating.clear();
    const launchedAt = watch.fleet.now();
    watch.now += 40_000;
    const at = watch.now + workerMs;
    await watch.say('i-1', 'busy', { at, startedAt: at - 5_000, processed: 7, busyMs: 900 });
    watch.now += 9_000;
    await watch.look();
    await watch.pass(100);
    const [instance] = (await watch.observer.snapshot()).instances;
    expect(instance).toMatchObject({ processed: 7, busyMs: 900 });
    const boot = instance!.startedAt! - launchedAt;
    expect(boot).toBe(lateMs === 0 ? 35_000 : 44_000 - lateMs);
  }
});

test('a decision is carried out and logged with its reasons; an empty one is silent', async () => {
  const fleet = new NotedFleet([]);
  const lines: (LogFields | undefined)[] = [];
  const log = { ...silentLog, info: (_: string, fields?: LogFields) => void lines.push(fields) };
  const nothing = { desired: 1, launch: [], drain: [], terminate: [], reasons: [] };
  await act(nothing, fleet, log);
  expect(fleet.asked).toEqual([]);
  expect(lines).toEqual([]);
  await act({ ...nothing, launch: [3, 4], drain: ['a'], terminate: ['b'], reasons: ['because'] }, fleet, log);
  expect(fleet.asked).toEqual(['launch 3,4', 'drain a', 'terminate b']);
  expect(lines).toMatchObject([{ reasons: ['because'] }]);
});
