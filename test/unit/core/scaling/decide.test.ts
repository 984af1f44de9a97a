import { describe, expect, test } from 'bun:test';
import { decide } from '../../../../src/core/scaling/decide.ts';
import { decideSeed, plainRule } from '../../../../src/core/scaling/seed.ts';
import { emptyMemory, type Memory, type Snapshot } from '../../../../src/core/scaling/types.ts';
import { booting, NOW, policy, snapshot, worker, workers } from './view.ts';

const busy = { processed: 100, busyMs: 100_000 };

/** The last of so many decisions, one a second, on the same view. */
function after(seconds: number, view: Snapshot, memory: Memory = emptyMemory) {
  let decision = decide(view, memory, policy, NOW - seconds * 1000);
  for (let left = seconds - 1; left >= 0; left--)
    decision = decide(view, decision.memory, policy, NOW - left * 1000);
  return decision;
}

describe('the law', () => {
  test('fills up to the minimum at once, with nothing remembered', () => {
    const decision = decide(snapshot(0, []), emptyMemory, policy, NOW);
    expect(decision).toMatchObject({ desired: 5, launch: [0, 1, 2, 3, 4], drain: [], terminate: [] });
    expect(decision.reasons).toEqual([
      'launch 5: 0 pending, 0 expected within a boot time of 45 s, 0.50 s each: 0 left then, at 5 an instance; 0.0 a second lasting; 5 to 15 instances: 5 desired, 0 live',
    ]);
  });

  test('a burst that the fleet clears within a boot time launches nothing', () => {
    expect(decide(snapshot(100, workers(5, busy), 5), emptyMemory, policy, NOW)).toMatchObject({
      desired: 5,
      launch: [],
      reasons: [],
    });
    expect(decide(snapshot(1000, workers(5, busy), 5), emptyMemory, policy, NOW)).toMatchObject({
      desired: 15,
      launch: [5, 6, 7, 8, 9],
    });
  });

  test('where work has come in waves, the whole backlog is launched for', () => {
    const regretful = { ...emptyMemory, regrets: [NOW - 60_000] };
    expect(decide(snapshot(45, workers(5, busy), 5), emptyMemory, policy, NOW).launch).toEqual([]);
    expect(decide(snapshot(45, workers(5, busy), 5), regretful, policy, NOW).desired).toBe(10);
  });

  test('from zero the first photo that a web server tells of launches, before the queue shows it', () => {
    const none = { ...policy, min: 0 };
    const look = (count: number, memory: Memory, now: number) =>
      decide({ ...snapshot(0, []), accepted: { count, since: null, basis: 1 } }, memory, none, now);
    const before = look(7, emptyMemory, NOW);
    expect(before.launch).toEqual([]);
    expect(look(8, before.memory, NOW + 1000).launch).toEqual([0]);
  });

  test('web servers that have only just begun tell what has come since, not only since the first look', () => {
    const accepted = { count: 80, since: NOW - 8_000, basis: 1 };
    const view = snapshot(40, workers(5, busy), 5);
    expect(decide(view, emptyMemory, policy, NOW).figures.rate).toBe(0);
    expect(decide({ ...view, accepted }, emptyMemory, policy, NOW).figures.rate).toBeCloseTo(10);
    const long = { count: 80, since: NOW - 800_000, basis: 1 };
    expect(decide({ ...view, accepted: long }, emptyMemory, policy, NOW).figures.rate).toBe(0);
  });

  test('messages that are not visible count as well', () => {
    expect(decide(snapshot(0, workers(5, busy), 5, 1000), emptyMemory, policy, NOW).figures.backlog).toBe(
      1005,
    );
  });

  test('what boots is capacity, what should long be there is not, and is ended in the end', () => {
    const with5 = (age: number) => [...workers(5, busy), ...[5, 6, 7, 8, 9].map(slot => booting(slot, age))];
    const at = (age: number) => decide(snapshot(230, with5(age), 5), emptyMemory, policy, NOW);
    expect(at(35)).toMatchObject({ launch: [], terminate: [] });
    expect(at(80).figures.live).toBe(5);
    expect(at(80).launch).toEqual([10, 11]);
    expect(at(80).terminate).toEqual([]);
    expect(at(130).terminate).toHaveLength(5);
    const unheard = [5, 6, 7, 8, 9].map(slot => ({ id: `i-${slot}`, at: NOW }));
    const afterFive = { ...snapshot(230, with5(130), 5), unheard };
    expect(decide(afterFive, emptyMemory, policy, NOW).terminate).toEqual([]);
  });

  test('with nothing known of boots nobody is given up early', () => {
    const view = snapshot(
      0,
      [0, 1, 2, 3, 4].map(slot => booting(slot, 360)),
    );
    expect(decide(view, emptyMemory, policy, NOW)).toMatchObject({ launch: [], terminate: [] });
  });

  test('leave is granted when nothing more was wanted for a while, and never on an empty memory', () => {
    const view = snapshot(0, workers(8, busy));
    expect(decide(view, emptyMemory, policy, NOW).drain).toEqual([]);
    expect(after(19, view).drain).toEqual([]);
    const { drain, reasons, memory } = after(20, view);
    expect(drain).toEqual(['i-07', 'i-06', 'i-05']);
    expect(reasons[0]).toStartWith('drain 3: 0 pending');
    expect(decide(view, memory, policy, NOW + 1000).drain).toEqual([]);
  });

  test('nor after a pause, in which nobody saw what was wanted', () => {
    const view = snapshot(0, workers(8, busy));
    const { memory } = after(20, snapshot(1000, workers(8, busy)));
    expect(decide(view, memory, policy, NOW + 600_000).drain).toEqual([]);
  });

  test('those that are there are kept while the backlog is of use to them', () => {
    const view = snapshot(60, workers(12, busy));
    const { desired, drain } = after(40, view);
    expect(desired).toBeLessThan(12);
    expect(drain).toEqual([]);
  });

  test('a worker that has fallen silent is no capacity, and is neither drained nor ended', () => {
    const silent = worker(4, { ...busy, silentMs: 70_000 });
    const decision = after(40, snapshot(0, [...workers(4, busy), silent]));
    expect(decision).toMatchObject({ launch: [5], drain: [], terminate: [] });
  });
});

test("the seed's rule decides as it does by itself", () => {
  const view = snapshot(40, workers(8, { idleSince: NOW - 400_000 }), 3);
  const alone = plainRule(view, { ...policy, minRuntimeSeconds: 120 }, NOW);
  const { desired, launch, drain, terminate, reasons } = decideSeed(view, emptyMemory, policy, NOW);
  expect({ desired, launch, drain, terminate, reasons }).toEqual(alone);
});
