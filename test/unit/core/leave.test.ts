import { expect, test } from 'bun:test';
import type { Heartbeat } from '../../../src/core/heartbeat.ts';
import { mayLeave } from '../../../src/core/leave.ts';

const now = 100_000_000;
const policy = { min: 5, idleSeconds: 300, minRuntimeSeconds: 300 };
const longAgo = now - 400_000;

function worker(n: number, overrides: Partial<Heartbeat> = {}): Heartbeat {
  const id = `i-${String(n).padStart(2, '0')}`;
  const times = { at: now - 5000, startedAt: longAgo + n, idleSince: longAgo };
  return { v: 1, id, state: 'idle', processed: 0, version: '0', ...times, ...overrides };
}
const fifteen = Array.from({ length: 15 }, (_, n) => worker(n));
const leaving = (fleet: Heartbeat[], seenAt: number) =>
  fleet.filter(own => mayLeave(own, fleet, seenAt, policy, now)).map(({ id }) => id);

test('fifteen idle workers with a dead controller settle at exactly the minimum, the oldest', () => {
  const gone = leaving(fifteen, longAgo);
  expect(gone).toEqual(fifteen.slice(5).map(({ id }) => id));
  const rest = fifteen.filter(({ id }) => !gone.includes(id));
  expect(leaving(rest, longAgo)).toEqual([]);
});

test('while a controller lives nobody leaves by itself', () => {
  expect(leaving(fifteen, now - 119_000)).toEqual([]);
});

test('busy, only just idle or young workers stay', () => {
  for (const overrides of [{ idleSince: null }, { idleSince: now - 299_000 }, { startedAt: now - 299_000 }])
    expect(leaving([...fifteen.slice(0, 14), worker(99, overrides)], longAgo)).not.toContain('i-99');
});

test('the dead and the draining do not count for the minimum', () => {
  const few = [
    ...fifteen.slice(0, 4),
    worker(4, { at: now - 61_000 }),
    worker(5, { state: 'draining' }),
    worker(6),
  ];
  expect(leaving(few, longAgo)).not.toContain('i-06');
});

test('equal start times are told apart by id', () => {
  const twins = Array.from({ length: 7 }, (_, n) => worker(n, { startedAt: longAgo }));
  expect(leaving(twins, longAgo)).toEqual(['i-05', 'i-06']);
});
