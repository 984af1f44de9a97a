import { beforeEach, expect, test } from 'bun:test';
import { join } from 'node:path';
import fc from 'fast-check';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { ControllerLease } from '../../../src/controller/lease.ts';
import { Presence } from '../../../src/controller/presence.ts';
import { leaseKey } from '../../../src/core/lease.ts';
import type { Blobs } from '../../../src/ports.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { wrapBlobs } from '../../support/wrap.ts';
import { recordingLog } from '../adapters/recordingLog.ts';

let output: LocalBlobs;
let time = 0;
beforeEach(async () => {
  output = await LocalBlobs.open(join(temporaryDirectory(), 'out'));
  time = 0;
});

function lease(holder: string, store: Blobs = output, fleet = 'f'): ControllerLease {
  return new ControllerLease({
    output: store,
    fleet,
    holder,
    log: silentLog,
    monotonic: () => time,
    now: () => 1e12 - time,
  });
}
async function advance(seconds: number, ...leases: ControllerLease[]): Promise<boolean[]> {
  let states: boolean[] = [];
  for (let s = 0; s < seconds; s++) {
    time += 1000;
    states = [];
    for (const one of leases) states.push(await one.mayAct());
  }
  return states;
}

test('the first acts, the second stands by, and takes over within 30 s of its death', async () => {
  const [a, b] = [lease('a'), lease('b')];
  expect(await a.mayAct()).toBe(true);
  expect(await b.mayAct()).toBe(false);
  expect(await advance(120, a, b)).toEqual([true, false]);
  const died = time;
  while (!(await b.mayAct())) time += 1000;
  expect(time - died).toBeLessThanOrEqual(30_000);
  expect(await advance(60, a, b)).toEqual([false, true]);
});

test('a clean stop hands over at the next look', async () => {
  const [a, b] = [lease('a'), lease('b')];
  await a.mayAct();
  await advance(10, a, b);
  await a.release();
  expect(await advance(6, b)).toEqual([true]);
});

test.each(['fails', 'does not answer'])('a clean stop ends in time while the store %s', async how => {
  let broken = false;
  let aborted = false;
  const flaky = wrapBlobs(output, {
    async put(key, body, options) {
      if (!broken) return output.put(key, body, options);
      if (how === 'fails') throw new Error('503');
      options?.signal?.addEventListener('abort', () => {
        aborted = true;
      });
      return new Promise<never>(() => {});
    },
  });
  const log = recordingLog();
  const waits: number[] = [];
  const timer = (run: () => void, ms: number) => {
    waits.push(ms);
    if (how !== 'fails') queueMicrotask(run);
    return () => {};
  };
  const a = new ControllerLease({
    output: flaky,
    fleet: 'f',
    holder: 'a',
    log,
    monotonic: () => time,
    timer,
  });
  await a.mayAct();
  broken = true;
  await a.release();
  expect(waits).toEqual([3000]);
  expect(aborted).toBe(how !== 'fails');
  expect(log.entries.at(-1)).toMatchObject({ level: 'warn', event: 'lease-not-released' });
  expect(await a.mayAct().catch(() => false)).toBe(false);
});

test('a controller restarted under its name goes on at once', async () => {
  await lease('a').mayAct();
  time += 1000;
  expect(await lease('a').mayAct()).toBe(true);
});

test('a holder that cannot reach the store stops acting before another may begin', async () => {
  let broken = false;
  const flaky = wrapBlobs(output, {
    put: (...args) => (broken ? Promise.reject(new Error('no route')) : output.put(...args)),
    get: key => (broken ? Promise.reject(new Error('no route')) : output.get(key)),
  });
  const [a, b] = [lease('a', flaky), lease('b')];
  await a.mayAct();
  await advance(7, a, b);
  broken = true;
  for (let s = 0; s < 60; s++) {
    time += 1000;
    const acting = [await a.mayAct().catch(() => false), await b.mayAct()];
    expect(acting.filter(Boolean).length).toBeLessThanOrEqual(1);
  }
  expect(await b.mayAct()).toBe(true);
  broken = false;
  expect(await advance(20, a, b)).toEqual([false, true]);
});

test('fleets that share a store do not share a lease', async () => {
  const [a, b] = [lease('a'), lease('b', output, 'f2')];
  expect([await a.mayAct(), await b.mayAct()]).toEqual([true, true]);
  expect(await advance(120, a, b)).toEqual([true, true]);
});

test('controllers without a lease show that they are there, each fleet at its own place', async () => {
  const seen = async (fleet: string) => (await output.get(leaseKey(fleet)))?.etag;
  const one = new Presence(output, 'f', 'a');
  expect([await one.mayAct(), await new Presence(output, 'f', 'b').mayAct()]).toEqual([true, true]);
  expect(await seen('f')).toBeDefined();
  expect(await seen('f2')).toBeUndefined();
});

test('garbage in the place of the lease is taken over', async () => {
  await output.put(leaseKey('f'), new TextEncoder().encode('{"v":7}'));
  expect(await lease('a').mayAct()).toBe(true);
});

test('never two at once, whoever dies, pauses or is late', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          wait: fc.integer({ min: 100, max: 9000 }),
          // Which of three controllers run in this step; the others hang.
          runs: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
          stops: fc.option(fc.nat(2), { freq: 8 }),
        }),
        { maxLength: 60 },
      ),
      async steps => {
        time = 0;
        await output.delete(leaseKey('f'));
        const leases = ['a', 'b', 'c'].map(holder => lease(holder));
        for (const { wait, runs, stops } of steps) {
          time += wait;
          const acting: number[] = [];
          for (const [i, one] of leases.entries()) if (runs[i] && (await one.mayAct())) acting.push(i);
          expect(acting.length).toBeLessThanOrEqual(1);
          if (stops !== null) await leases[stops]!.release();
        }
      },
    ),
    { numRuns: 60 },
  );
});
