import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { SILENT_SECONDS } from '../../../../src/core/heartbeat.ts';
import { HELLO_SECONDS } from '../../../../src/core/scaling/condition.ts';
import { plainRule as decide, type PlainPolicy } from '../../../../src/core/scaling/seed.ts';
import type { ObservedInstance } from '../../../../src/core/scaling/types.ts';
import { policy as automatic, NOW as now, snapshot, worker } from './view.ts';

const policy: PlainPolicy = { ...automatic, minRuntimeSeconds: 300 };

function instance(slot: number, overrides: Partial<ObservedInstance> = {}): ObservedInstance {
  return worker(slot, { id: `i-${slot}`, ...overrides });
}
function fleet(size: number, overrides: Partial<ObservedInstance> = {}): ObservedInstance[] {
  return Array.from({ length: size }, (_, slot) => instance(slot, overrides));
}

describe('launching', () => {
  test('fills up to the minimum', () => {
    const decision = decide(snapshot(0, []), policy, now);
    expect(decision.launch).toEqual([0, 1, 2, 3, 4]);
    expect(decision.reasons).toEqual([
      'launch 5: 0 pending messages at 5 an instance want 0, within 5 to 15: 5, 0 are there',
    ]);
  });

  test('one instance for five messages, visible, in flight or delayed', () => {
    expect(decide(snapshot(20, fleet(5), 7, 8), policy, now)).toMatchObject({ desired: 7, launch: [5, 6] });
  });

  test('at most a batch in five seconds, at most the maximum', () => {
    expect(decide(snapshot(1000, fleet(5)), policy, now).launch).toHaveLength(5);
    const justLaunched = [...fleet(5), ...[5, 6, 7].map(slot => instance(slot, { launchedAt: now - 1000 }))];
    expect(decide(snapshot(1000, justLaunched), policy, now).launch).toEqual([8, 9]);
    expect(decide(snapshot(1000, fleet(13)), policy, now).launch).toEqual([13, 14]);
    expect(decide(snapshot(1000, fleet(15)), policy, now)).toMatchObject({ launch: [], reasons: [] });
  });

  test('counts what is still booting', () => {
    const booting = fleet(10, { state: 'pending', reported: false });
    expect(decide(snapshot(50, booting), policy, now).launch).toEqual([]);
  });

  test('a draining instance holds its slot and does no work', () => {
    const instances = [...fleet(14), instance(14, { state: 'draining' })];
    expect(decide(snapshot(1000, instances), policy, now).launch).toEqual([]);
    const few = [instance(0, { state: 'draining' }), ...[1, 2, 3, 4].map(slot => instance(slot))];
    expect(decide(snapshot(0, few), policy, now).launch).toEqual([5]);
  });

  test('a silent instance holds its slot and is no capacity', () => {
    const silentMs = SILENT_SECONDS * 1000;
    const five = [...fleet(4), instance(4, { silentMs })];
    expect(decide(snapshot(0, five), policy, now)).toMatchObject({ launch: [5], drain: [], terminate: [] });
    expect(
      decide(snapshot(0, [...fleet(4), instance(4, { silentMs: silentMs - 1 })]), policy, now),
    ).toMatchObject({
      launch: [],
    });
    expect(decide(snapshot(1000, fleet(15, { silentMs })), policy, now).launch).toEqual([]);
    // One that is still booting has nothing to say yet.
    expect(decide(snapshot(0, fleet(5, { reported: false, silentMs })), policy, now).launch).toEqual([]);
  });

  test('passes over slots that cannot be filled now', () => {
    const closed = { ...snapshot(0, fleet(1)), closedSlots: [1, 3] };
    expect(decide(closed, policy, now).launch).toEqual([2, 4, 5, 6]);
  });

  test('from zero', () => {
    const zero = { ...policy, min: 0 };
    expect(decide(snapshot(0, []), zero, now)).toMatchObject({ desired: 0, launch: [], reasons: [] });
    expect(decide(snapshot(1, []), zero, now).launch).toEqual([0]);
  });
});

describe('draining', () => {
  const idleSince = now - 300_000;

  test('the newest beyond what is wanted, when idle and old enough', () => {
    expect(decide(snapshot(0, fleet(8, { idleSince })), policy, now).drain).toEqual(['i-7', 'i-6', 'i-5']);
  });

  test('nobody that is busy, unknown, young or only just idle', () => {
    for (const overrides of [
      { idleSince: null },
      { idleSince: idleSince + 1 },
      { idleSince, launchedAt: now - 299_999 },
    ])
      expect(decide(snapshot(0, fleet(8, overrides)), policy, now).drain).toEqual([]);
  });

  test('a silent instance is neither drained nor counted among those that stay', () => {
    const silent = { silentMs: SILENT_SECONDS * 1000 };
    const last = [...fleet(7, { idleSince }), instance(7, { idleSince, ...silent })];
    expect(decide(snapshot(0, last), policy, now).drain).toEqual(['i-6', 'i-5']);
    const first = [instance(0, silent), ...fleet(7, { idleSince }).slice(1)];
    expect(decide(snapshot(0, first), policy, now).drain).toEqual(['i-6']);
  });

  test('stops at the first that may not leave', () => {
    const instances = [...fleet(7, { idleSince }), instance(7)];
    expect(decide(snapshot(0, instances), policy, now).drain).toEqual([]);
  });
});

describe('terminating', () => {
  const silentMs = HELLO_SECONDS * 1000;
  const launchedAt = now - silentMs;

  test('what never reported, once it has been watched for a minute', () => {
    const old = [
      instance(0, { launchedAt, reported: false, silentMs }),
      instance(1, { launchedAt, silentMs }),
      instance(2, { launchedAt, reported: false, silentMs: SILENT_SECONDS * 1000 - 1 }),
      instance(3, { launchedAt: launchedAt + 1, reported: false, silentMs }),
    ];
    expect(decide(snapshot(0, old), policy, now).terminate).toEqual(['i-0']);
  });

  test('what was to leave and has been silent for ten minutes', () => {
    const leaving = [
      instance(0, { state: 'draining', silentMs }),
      instance(1, { state: 'draining', silentMs: silentMs - 1 }),
      instance(2, { state: 'draining', silentMs, reported: false }),
      instance(3, { silentMs }),
    ];
    expect(decide(snapshot(0, leaving), policy, now).terminate).toEqual(['i-0', 'i-2']);
  });
});

test('invariants over random fleets', () => {
  const instances = fc.uniqueArray(fc.nat(19), { maxLength: 20 }).chain(slots =>
    fc.tuple(
      ...slots.map(slot =>
        fc.record({
          id: fc.constant(`i-${slot}`),
          slot: fc.constant(slot),
          launchedAt: fc.integer({ min: now - 2_000_000, max: now }),
          state: fc.constantFrom('pending' as const, 'running' as const, 'draining' as const),
          reported: fc.boolean(),
          idleSince: fc.option(fc.integer({ min: now - 2_000_000, max: now })),
          silentMs: fc.nat(1_000_000),
          startedAt: fc.constant(null),
          processed: fc.constant(0),
          busyMs: fc.constant(0),
        }),
      ),
    ),
  );
  const counts = fc.record({
    visible: fc.nat(300),
    inFlight: fc.nat(100),
    delayed: fc.nat(50),
    dead: fc.nat(9),
  });
  fc.assert(
    fc.property(
      counts,
      instances,
      fc.nat(5),
      fc.integer({ min: 5, max: 15 }),
      fc.uniqueArray(fc.nat(19)),
      (depth, instances, min, max, closedSlots) => {
        const seen = { depth, instances, closedSlots, unheard: [] };
        const decision = decide(seen, { ...policy, min, max }, now);
        const active = instances.filter(i => i.state !== 'draining' && !(i.reported && i.silentMs >= 60_000));
        expect(decision.desired).toBeWithin(min, max + 1);
        // I1: what is there and what is launched together never exceed the slots, each held once.
        const held = [...instances.map(i => i.slot), ...decision.launch];
        expect(new Set(held).size).toBe(held.length);
        expect(decision.launch.every(slot => slot < max && !closedSlots.includes(slot))).toBe(true);
        expect(decision.launch.length).toBeLessThanOrEqual(policy.launchBatch);
        // I4, I6: never below what is wanted, and nothing launched while enough is there.
        if (active.length >= decision.desired) expect(decision.launch).toEqual([]);
        expect(active.length - decision.drain.length).toBeGreaterThanOrEqual(
          Math.min(active.length, decision.desired),
        );
        // I2, I8: whoever drains said itself that it is idle.
        for (const id of decision.drain) {
          const { idleSince, reported, silentMs } = instances.find(i => i.id === id)!;
          expect(idleSince).not.toBeNull();
          expect(reported && silentMs >= 60_000).toBe(false);
        }
        for (const id of decision.terminate) {
          const { state, reported, silentMs } = instances.find(i => i.id === id)!;
          expect(state === 'draining' ? silentMs >= 600_000 : !reported && silentMs >= 60_000).toBe(true);
        }
        expect(decision.reasons.length === 0).toBe(
          decision.launch.length + decision.drain.length + decision.terminate.length === 0,
        );
      },
    ),
    { numRuns: 1000 },
  );
});
