import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { AcceptedReader } from '../../../src/controller/accepted.ts';
import { acceptedKey, parseAccepted } from '../../../src/core/accepted.ts';
import { jsonBytes } from '../../../src/core/json.ts';
import type { LogFields } from '../../../src/ports.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { wrapBlobs } from '../../support/wrap.ts';

/** Web servers that tell, and a controller that reads, all by one fake clock. */
async function scene() {
  const clock = { now: 1_000_000_000 };
  const store = await LocalBlobs.open(join(temporaryDirectory(), 'out'), { now: () => clock.now });
  const faults = { lists: 0, gets: 0, broken: false };
  const fail = () => Promise.reject(new Error('AccessDenied'));
  const output = wrapBlobs(store, {
    list: prefix => {
      faults.lists++;
      return faults.broken ? fail() : store.list(prefix);
    },
    get: key => {
      faults.gets++;
      return faults.broken ? fail() : store.get(key);
    },
  });
  const warnings: LogFields[] = [];
  const log = { ...silentLog, warn: (_: string, fields: LogFields = {}) => warnings.push(fields) };
  const now = () => clock.now;
  const begin = () => new AcceptedReader({ output, fleetName: 'f', log, now, monotonic: now });
  const tell = (id: string, startedAt: number, count: number) =>
    store.put(acceptedKey('f', id), jsonBytes({ v: 1, at: clock.now, startedAt, count }));
  return { clock, store, faults, warnings, begin, tell };
}

test('nobody tells: nothing is known', async () => {
  const { begin, store } = await scene();
  expect(await begin().read()).toBeUndefined();
  await store.put(acceptedKey('f', 'other'), jsonBytes({ v: 2 }));
  expect(await begin().read()).toBeUndefined();
});

test('what was told before the first look is not new', async () => {
  const { begin, clock, tell } = await scene();
  await tell('old', clock.now - 3_600_000, 5_000);
  const reader = begin();
  expect(await reader.read()).toEqual({ count: 0, since: null, basis: 1 });
  await tell('old', clock.now - 3_600_000, 5_030);
  expect(await reader.read()).toEqual({ count: 30, since: null, basis: 1 });
});

test('web servers that have only just begun are counted from their beginning', async () => {
  const { begin, clock, tell } = await scene();
  await tell('a', clock.now - 4_000, 40);
  await tell('b', clock.now - 2_000, 2);
  clock.now += 1_000;
  expect(await begin().read()).toEqual({ count: 42, since: clock.now - 5_000, basis: 1 });
  // One whose clock was put back has not just begun.
  await tell('b', clock.now + 3_600_000, 36_000);
  expect(await begin().read()).toEqual({ count: 0, since: null, basis: 1 });
});

test('whatever breaks the count begins a new one, in which nothing old is new', async () => {
  const { begin, clock, tell, store } = await scene();
  const started = clock.now - 3_600_000;
  await tell('a', started, 100);
  const reader = begin();
  await reader.read();
  const next = async (basis: number) => {
    clock.now += 1_000;
    expect(await reader.read()).toEqual({ count: 0, since: null, basis });
  };
  // It starts again; two have one name; it has lost some.
  await tell('a', clock.now, 3);
  await next(2);
  await tell('a', started, 130);
  await next(3);
  await tell('a', started, 129);
  await next(4);
  // A telling was held up: what it tells did not come in this second.
  clock.now += 15_000;
  await tell('a', started, 429);
  await next(5);
  // Another one comes, found within a minute, and goes.
  await tell('b', clock.now, 50);
  for (let s = 0; s < 60; s++) {
    clock.now += 1_000;
    await tell('a', started, 429);
    await reader.read();
  }
  await next(6);
  await store.delete(acceptedKey('f', 'b'));
  await next(7);
  await store.delete(acceptedKey('f', 'a'));
  expect(await reader.read()).toBeUndefined();
});

test('a pause without photos is no hold-up', async () => {
  const { begin, clock, tell } = await scene();
  const started = clock.now - 3_600_000;
  await tell('a', started, 100);
  const reader = begin();
  await reader.read();
  clock.now += 900_000;
  await tell('a', started, 101);
  expect(await reader.read()).toEqual({ count: 1, since: null, basis: 1 });
  clock.now += 1_000;
  await tell('a', started, 1_101);
  expect(await reader.read()).toEqual({ count: 1_001, since: null, basis: 1 });
});

test('what cannot be read is unknown, is told once, and is not asked for again at once', async () => {
  const { begin, clock, tell, faults, warnings } = await scene();
  const started = clock.now - 3_600_000;
  await tell('a', started, 0);
  const reader = begin();
  await reader.read();
  faults.broken = true;
  const { gets } = faults;
  for (let s = 0; s < 30; s++) {
    clock.now += 1_000;
    expect(await reader.read()).toBeUndefined();
  }
  expect(warnings).toHaveLength(1);
  expect(faults.gets - gets).toBeLessThanOrEqual(3);
  faults.broken = false;
  await tell('a', started, 3);
  clock.now += 15_000;
  expect((await reader.read())?.count).toBe(3);
});

test('counts that nobody can have are no counts', () => {
  const body = (count: number) => jsonBytes({ v: 1, at: 1, startedAt: 1, count });
  expect([1e308, -1, 0.5, 1e15].map(count => parseAccepted(body(count)))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(parseAccepted(body(1e9))?.count).toBe(1e9);
});

test('an hour costs a list a minute, and a get a second for each web server; what is left behind is swept', async () => {
  const { begin, clock, tell, faults, store } = await scene();
  await tell('gone', clock.now, 1);
  clock.now += 3_600_000;
  const reader = begin();
  for (let s = 0; s < 3_600; s++) {
    if (s % 600 === 0) await tell('live', clock.now, 1);
    clock.now += 1_000;
    await reader.read();
  }
  await reader.sweep();
  expect(faults.lists).toBeLessThanOrEqual(61);
  expect(faults.gets).toBeLessThanOrEqual(3_600);
  expect((await store.list('fleet/')).map(({ key }) => key)).toEqual([acceptedKey('f', 'live')]);
});

test('more web servers than anybody has are not asked each second', async () => {
  const { begin, clock, tell, faults } = await scene();
  for (let i = 0; i < 30; i++) await tell(`${i}`, clock.now, 1);
  expect(await begin().read()).toBeUndefined();
  expect(faults.gets).toBe(0);
});
