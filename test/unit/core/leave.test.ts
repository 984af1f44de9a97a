import { expect, test } from 'bun:test';
import type { Heartbeat } from '../../../src/core/heartbeat.ts';
import { type Loneliness, mayLeave, type Peer } from '../../../src/core/leave.ts';

const policy = { min: 5, idleSeconds: 300, minRuntimeSeconds: 300 };
const HOUR = 3_600_000;
const now = 100_000_000;

/** @param skewMs how far its clock is ahead */
function worker(n: number, overrides: Partial<Heartbeat> = {}, skewMs = 0): Heartbeat {
  const id = `i-${String(n).padStart(2, '0')}`;
  const time = now + skewMs;
  const times = { at: time - 5000, startedAt: time - 400_000 + n, idleSince: time - 400_000 };
  return { v: 1, id, state: 'idle', processed: 0, version: '0', ...times, ...overrides };
}
const living = (heartbeat: Heartbeat): Peer => ({ heartbeat, changedMs: 5000 });
const fifteen = Array.from({ length: 15 }, (_, n) => worker(n));
const lonely = { ageMs: 400_000, idleMs: 400_000, aloneMs: 400_000 };
const leaving = (fleet: readonly Heartbeat[], self: Partial<Loneliness> = {}, peers = fleet.map(living)) =>
  fleet.filter(own => mayLeave({ ...lonely, own, ...self }, peers, policy)).map(({ id }) => id);

test('fifteen idle workers with a dead controller settle at exactly the minimum, the oldest', () => {
  const gone = leaving(fifteen);
  expect(gone).toEqual(fifteen.slice(5).map(({ id }) => id));
  const rest = fifteen.filter(({ id }) => !gone.includes(id));
  expect(leaving(rest)).toEqual([]);
});

test('at exactly the minimum, too, whatever their clocks say', () => {
  const skewed = Array.from({ length: 15 }, (_, n) => worker(n, {}, ((n % 3) - 1) * HOUR));
  expect(leaving(skewed)).toHaveLength(10);
});

test('while a controller lives nobody leaves by itself', () => {
  expect(leaving(fifteen, { aloneMs: 119_000 })).toEqual([]);
});

test('busy, only just idle or young workers stay', () => {
  for (const self of [{ idleMs: null }, { idleMs: 299_000 }, { ageMs: 299_000 }])
    expect(leaving(fifteen, self)).toEqual([]);
});

test('the dead, those who may be dead, and the draining do not count for the minimum', () => {
  const draining = worker(5, { state: 'draining' });
  const dead: Peer = { heartbeat: worker(4, { at: now + HOUR }), changedMs: 60_000 };
  const unknown: Peer = { heartbeat: worker(3, { at: now + HOUR }), changedMs: undefined };
  const own = worker(7);
  const others = [...fifteen.slice(0, 3), own].map(living);
  const few = [...others, dead, unknown, living(draining), living(worker(6))];
  expect(mayLeave({ ...lonely, own }, few, policy)).toBe(false);
  expect(mayLeave({ ...lonely, own }, [...few, living(worker(4))], policy)).toBe(true);
});

test('equal start times are told apart by id', () => {
  const twins = Array.from({ length: 7 }, (_, n) => worker(n, { startedAt: now - 400_000 }));
  expect(leaving(twins)).toEqual(['i-05', 'i-06']);
});
