import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { LocalQueue } from '../../../src/adapters/local/queue.ts';
import { act } from '../../../src/controller/act.ts';
import { Observer } from '../../../src/controller/observe.ts';
import { type Heartbeat, heartbeatKey } from '../../../src/core/heartbeat.ts';
import type { Fleet, Instance, LogFields } from '../../../src/ports.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { wrapBlobs } from '../../support/wrap.ts';

/** A fleet that only remembers what was asked of it. */
class NotedFleet implements Fleet {
  readonly asked: string[] = [];
  readonly #instances: Instance[];

  constructor(instances: Instance[]) {
    this.#instances = instances;
  }
  async list() {
    return this.#instances;
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

test('an observation joins queue, fleet and heartbeats', async () => {
  const directory = temporaryDirectory();
  let now = 1_000_000;
  const output = await LocalBlobs.open(join(directory, 'out'), { now: () => now });
  const requests = new LocalQueue({ file: join(directory, 'q.sqlite'), name: 'q', visibilitySeconds: 30 });
  const put = (id: string, heartbeat: unknown) =>
    output.put(heartbeatKey(id), new TextEncoder().encode(JSON.stringify(heartbeat)));
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
  const fleet = new NotedFleet([instance('idle', 0), instance('busy', 1), instance('silent', 2)]);
  const observer = new Observer({ requests, output, fleet, now: () => now });
  const snapshot = await observer.snapshot();
  expect(snapshot.depth).toEqual({ visible: 1, inFlight: 0, delayed: 0, dead: 0 });
  expect(snapshot.instances.map(({ id, reported, idleSince }) => [id, reported, idleSince])).toEqual([
    ['idle', true, 5],
    ['busy', true, null],
    ['silent', true, null],
  ]);
  // Heartbeats of instances that are long gone are swept.
  now += 3_700_000;
  await put('idle', heartbeat);
  await observer.snapshot();
  expect((await output.list('fleet/')).map(({ key }) => key)).toEqual(['fleet/idle']);
});

test('a heartbeat that cannot be read now makes nobody dead, nor does a goodbye', async () => {
  const directory = temporaryDirectory();
  let now = 1_000_000;
  let broken = true;
  const store = await LocalBlobs.open(join(directory, 'out'), { now: () => now });
  const output = wrapBlobs(store, {
    list: (...args) => (broken ? Promise.reject(new Error('503')) : store.list(...args)),
  });
  const requests = new LocalQueue({ file: join(directory, 'q.sqlite'), name: 'q', visibilitySeconds: 30 });
  const fleet = new NotedFleet([{ id: 'i-1', slot: 0, launchedAt: 0, state: 'running' }]);
  const observer = new Observer({ requests, output, fleet, now: () => now });
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
  await store.put(heartbeatKey('i-1'), new TextEncoder().encode(JSON.stringify(heartbeat)));
  for (let i = 0; i < 3; i++) {
    await expect(observer.snapshot()).rejects.toThrow('503');
    now += 1000;
  }
  broken = false;
  expect((await observer.snapshot()).instances).toMatchObject([{ reported: true, idleSince: null }]);
  await store.put(
    heartbeatKey('i-1'),
    new TextEncoder().encode(JSON.stringify({ ...heartbeat, state: 'draining' })),
  );
  now += 6000;
  expect((await observer.snapshot()).instances).toMatchObject([{ reported: true, state: 'draining' }]);
  await store.delete(heartbeatKey('i-1'));
  now += 6000;
  expect((await observer.snapshot()).instances).toMatchObject([{ reported: true, state: 'running' }]);
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
