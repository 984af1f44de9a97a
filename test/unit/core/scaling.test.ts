import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  decide,
  HELLO_SECONDS,
  type ObservedInstance,
  type Policy,
  type Snapshot,
} from '../../../src/core/scaling.ts';

const policy: Policy = {
  min: 5,
  max: 15,
  launchBatch: 5,
  messagesPerInstance: 5,
  idleSeconds: 300,
  minRuntimeSeconds: 300,
};
const now = 10_000_000;

function instance(slot: number, overrides: Partial<ObservedInstance> = {}): ObservedInstance {
  const launchedAt = now - 1_000_000 + slot;
  return {
    id: `i-${slot}`,
    slot,
    launchedAt,
    state: 'running',
    reported: true,
    idleSince: null,
    ...overrides,
  };
}
function fleet(size: number, overrides: Partial<ObservedInstance> = {}): ObservedInstance[] {
  return Array.from({ length: size }, (_, slot) => instance(slot, overrides));
}
function snapshot(visible: number, instances: ObservedInstance[], inFlight = 0, delayed = 0): Snapshot {
  return { depth: { visible, inFlight, delayed, dead: 0 }, instances };
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

  test('stops at the first that may not leave', () => {
    const instances = [...fleet(7, { idleSince }), instance(7)];
    expect(decide(snapshot(0, instances), policy, now).drain).toEqual([]);
  });
});

test('an instance that never reported is terminated, and only that', () => {
  const launchedAt = now - HELLO_SECONDS * 1000;
  const instances = [instance(0, { launchedAt, reported: false }), instance(1, { launchedAt }), instance(2)];
  expect(decide(snapshot(0, instances), policy, now).terminate).toEqual(['i-0']);
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
      (depth, instances, min, max) => {
        const decision = decide({ depth, instances }, { ...policy, min, max }, now);
        const active = instances.filter(i => i.state !== 'draining');
        expect(decision.desired).toBeWithin(min, max + 1);
        // I1: what is there and what is launched together never exceed the slots, each held once.
        const held = [...instances.map(i => i.slot), ...decision.launch];
        expect(new Set(held).size).toBe(held.length);
        expect(decision.launch.every(slot => slot < max)).toBe(true);
        expect(decision.launch.length).toBeLessThanOrEqual(policy.launchBatch);
        // I4, I6: never below what is wanted, and nothing launched while enough is there.
        if (active.length >= decision.desired) expect(decision.launch).toEqual([]);
        expect(active.length - decision.drain.length).toBeGreaterThanOrEqual(
          Math.min(active.length, decision.desired),
        );
        // I2, I8: whoever drains said itself that it is idle.
        for (const id of decision.drain) expect(instances.find(i => i.id === id)?.idleSince).not.toBeNull();
        for (const id of decision.terminate) expect(instances.find(i => i.id === id)?.reported).toBe(false);
        expect(decision.reasons.length === 0).toBe(
          decision.launch.length + decision.drain.length + decision.terminate.length === 0,
        );
      },
    ),
    { numRuns: 1000 },
  );
});
