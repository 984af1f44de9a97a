import { describe, expect, test } from 'bun:test';
import { holdBack, launchHold } from '../../../../src/core/scaling/holdBack.ts';
import type { Decision, ObservedInstance, Snapshot, Unheard } from '../../../../src/core/scaling/types.ts';

const policy = { launchBatch: 5 };
const start = 10_000_000;
const minutes = (n: number) => n * 60_000;

function newcomer(n: number, overrides: Partial<ObservedInstance> = {}): ObservedInstance {
  const id = `i-${n}`;
  const life = { state: 'running', reported: false, idleSince: null, silentMs: 0 } as const;
  const work = { startedAt: null, processed: 0, busyMs: 0 };
  return { id, slot: n, launchedAt: start, ...life, ...work, ...overrides };
}
function seen(unheard: readonly Unheard[], instances: readonly ObservedInstance[] = []): Snapshot {
  return { depth: { visible: 0, inFlight: 0, delayed: 0, dead: 0 }, instances, closedSlots: [], unheard };
}
const batch = (at: number, from = 0): Unheard[] =>
  Array.from({ length: 5 }, (_, n) => ({ id: `i-${from + n}`, at }));
const wanted: Decision = {
  desired: 5,
  launch: [0, 1, 2, 3, 4],
  drain: ['i-7'],
  terminate: ['i-8'],
  reasons: ['launch 5: because'],
};

describe('the hold', () => {
  test('begins when a whole batch in a row was never heard of, and three at least', () => {
    expect(launchHold(seen(batch(start).slice(1)), policy)).toBeUndefined();
    expect(launchHold(seen(batch(start)), policy)).toMatchObject({
      silent: ['i-0', 'i-1', 'i-2', 'i-3', 'i-4'],
      until: start + minutes(10),
    });
    const single = { launchBatch: 1 };
    expect(launchHold(seen(batch(start).slice(3)), single)).toBeUndefined();
    expect(launchHold(seen(batch(start).slice(2)), single)).toBeDefined();
  });

  test('grows with each try that was never heard of either, up to an hour', () => {
    const failures = batch(start);
    const pauses: number[] = [];
    for (let n = 5; n < 11; n++) {
      const until = launchHold(seen(failures), policy)!.until;
      pauses.push((until - failures.at(-1)!.at) / minutes(1));
      failures.push({ id: `i-${n}`, at: until + minutes(10) });
    }
    expect(pauses).toEqual([10, 20, 40, 60, 60, 60]);
  });

  test('does not grow with stragglers of the first batch', () => {
    const stragglers = batch(start + minutes(9), 5);
    expect(launchHold(seen([...batch(start), ...stragglers]), policy)?.until).toBe(start + minutes(10));
  });
});

describe('a decision under a hold', () => {
  const hold = { silent: ['i-0'], until: start };

  test('launches nothing before its end, drains and terminates all the same, and says why', () => {
    const held = holdBack(wanted, seen([]), hold, start - 1);
    expect(held).toMatchObject({ desired: 5, launch: [], drain: ['i-7'], terminate: ['i-8'] });
    expect(held.reasons).toEqual([
      'launch 5: because',
      `hold back 5: the last 1 never reported, next try at ${new Date(start).toISOString()}`,
    ]);
  });

  test('then one, and none beside it before it has reported', () => {
    expect(holdBack(wanted, seen([]), hold, start).launch).toEqual([0]);
    expect(holdBack(wanted, seen([], [newcomer(9)]), hold, start).launch).toEqual([]);
    const others = [newcomer(9, { reported: true }), newcomer(10, { state: 'draining' })];
    expect(holdBack(wanted, seen([], others), hold, start).launch).toEqual([0]);
  });

  test('is left as it is where nothing is to be launched', () => {
    const quiet = { ...wanted, launch: [] };
    expect(holdBack(quiet, seen([]), hold, start - 1)).toBe(quiet);
  });
});
