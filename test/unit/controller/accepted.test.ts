import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { AcceptedReader } from '../../../src/controller/accepted.ts';
import { acceptedKey } from '../../../src/core/accepted.ts';
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

test('what was told before the first look is not new, unless the web server is', async () => {
  const { begin, clock, tell } = await scene();
  await tell('old', clock.now - 3_600_000, 5_000);
  const reader = begin();
  expect(await reader.read()).toEqual({ count: 0, since: null });
  await tell('old', clock.now - 3_600_000, 5_030);
  expect(await reader.read()).toEqual({ count: 30, since: null });
  // A new one is found within a minute, with all that it has accepted.
  await tell('new', clock.now, 0);
  clock.now += 40_000;
  await tell('new', clock.now - 40_000, 7);
  expect(await reader.read()).toEqual({ count: 30, since: null });
  clock.now += 10_000;
  await tell('new', clock.now - 50_000, 9);
  clock.now += 10_000;
  await tell('new', clock.now - 55_000, 9);
  expect((await reader.read())?.count).toBe(39);
});

test('web servers that have only just begun are counted from their beginning', async () => {
  const { begin, clock, tell } = await scene();
  await tell('a', clock.now - 4_000, 40);
  await tell('b', clock.now - 2_000, 2);
  clock.now += 1_000;
  expect(await begin().read()).toEqual({ count: 42, since: clock.now - 5_000 });
});

test('one that starts again counts from nothing, and of two under one name the later one is counted', async () => {
  const { begin, clock, tell, store } = await scene();
  const started = clock.now - 3_600_000;
  await tell('a', started, 100);
  const reader = begin();
  await reader.read();
  await tell('a', clock.now, 3);
  expect((await reader.read())?.count).toBe(3);
  for (let i = 0; i < 5; i++) {
    await tell('a', started, 100 + i);
    await reader.read();
    await tell('a', clock.now, 3 + i);
    await reader.read();
  }
  expect((await reader.read())?.count).toBe(7);
  await store.delete(acceptedKey('f', 'a'));
  expect((await reader.read())?.count).toBe(7);
});

test('what cannot be read stands still, is told once, and is not asked for again at once', async () => {
  const { begin, clock, tell, faults, warnings } = await scene();
  await tell('a', clock.now - 3_600_000, 0);
  const reader = begin();
  await reader.read();
  faults.broken = true;
  const { gets } = faults;
  for (let s = 0; s < 30; s++) {
    clock.now += 1_000;
    expect(await reader.read()).toEqual({ count: 0, since: null });
  }
  expect(warnings).toHaveLength(1);
  expect(faults.gets - gets).toBeLessThanOrEqual(3);
  faults.broken = false;
  await tell('a', clock.now - 3_700_000, 0);
  await tell('a', 1_000_000_000 - 3_600_000, 12);
  clock.now += 15_000;
  expect((await reader.read())?.count).toBe(12);
});

test('an hour costs a list a minute, and a get a second for each web server; what is left behind is swept after a day', async () => {
  const { begin, clock, tell, faults, store } = await scene();
  await tell('gone', clock.now, 1);
  clock.now += 86_400_000;
  await tell('live', clock.now, 1);
  const reader = begin();
  for (let s = 0; s < 3_600; s++) {
    clock.now += 1_000;
    await reader.read();
  }
  await reader.sweep();
  expect(faults.lists).toBeLessThanOrEqual(61);
  expect(faults.gets).toBeLessThanOrEqual(3_602);
  expect((await store.list('fleet/')).map(({ key }) => key)).toEqual([acceptedKey('f', 'live')]);
});
