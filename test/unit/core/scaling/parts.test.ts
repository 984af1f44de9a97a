import { describe, expect, test } from 'bun:test';
import { addSample, arrivals, undone } from '../../../../src/core/scaling/arrivals.ts';
import {
  learnBoots,
  meanBoot,
  minRuntime,
  patienceOf,
  remainingBoot,
} from '../../../../src/core/scaling/boot.ts';
import { forMessages, forRate, residual } from '../../../../src/core/scaling/desired.ts';
import { drains } from '../../../../src/core/scaling/drains.ts';
import { arrivalRates } from '../../../../src/core/scaling/forecast.ts';
import { addWish, holdSeconds, keepCount, learnRegrets } from '../../../../src/core/scaling/hold.ts';
import { launches } from '../../../../src/core/scaling/launches.ts';
import { completions, learnService, recount } from '../../../../src/core/scaling/service.ts';
import { arrivingIn, watchSurges } from '../../../../src/core/scaling/surges.ts';
import { emptyMemory, type Sample, type Wish } from '../../../../src/core/scaling/types.ts';
import { booting, NOW, policy, snapshot, worker, workers } from './view.ts';

/** A count each second, the last one now. */
function samples(seconds: number, at: (second: number) => Omit<Sample, 'at'>): Sample[] {
  let all: Sample[] = [];
  for (let s = 0; s <= seconds; s++) all = addSample(all, { at: NOW - (seconds - s) * 1000, ...at(s) });
  return all;
}

describe('forecast', () => {
  test('a steady rate is what leaves, when the queue stays as it is', () => {
    const { lasting, surge } = arrivalRates(samples(75, s => ({ depth: 8, completed: 8 * s })));
    expect(lasting).toBeCloseTo(8);
    expect(surge).toBe(0);
  });

  test('a burst, seen in several steps, is no lasting rate and no surge', () => {
    const rates = arrivalRates(samples(75, s => ({ depth: s < 70 ? 0 : s < 71 ? 400 : 1000, completed: 0 })));
    expect(rates).toMatchObject({ lasting: 0, surge: 0, sustained: 0 });
  });

  test('a surge shows in 7.5 s, longer than any burst', () => {
    const at = (s: number) =>
      arrivalRates(samples(s, t => ({ depth: 9 * Math.max(0, t - 60), completed: 5 * t })));
    expect(at(63).surge).toBeCloseTo(0);
    expect(at(68).surge).toBeGreaterThan(8);
    expect(at(68).lasting).toBeCloseTo(5);
  });

  test('a stale count undoes nothing', () => {
    const fresh = samples(75, s => ({ depth: 10 * s, completed: 0 }));
    const noisy = samples(75, s => ({ depth: 10 * (s % 3 === 1 ? s - 1 : s), completed: 0 }));
    expect(arrivalRates(noisy).lasting).toBeCloseTo(arrivalRates(fresh).lasting);
    expect(arrivals(addSample(fresh, { at: NOW + 1000, depth: 0, completed: 0 }))(NOW + 1000)).toBe(750);
  });

  test('what web servers tell is gone by at once, whatever stale counts of the queue say', () => {
    const told = samples(75, s => ({ depth: 0, completed: 0, accepted: 12 * Math.max(0, s - 66) }));
    const rates = arrivalRates(told);
    expect(rates.surge).toBeCloseTo(12);
    expect(rates.sudden).toBeCloseTo(12);
    expect(rates.lasting).toBe(0);
    expect(arrivals(told)(NOW - 500)).toBeCloseTo(12 * 8.5);
  });

  test('a burst is no surge there either, nor a lasting rate for who has just begun to look', () => {
    const burst = (from: number, to: number) =>
      arrivalRates(
        samples(to, s => ({ depth: 0, completed: 0, accepted: Math.min(100, 50 * Math.max(0, s - from)) })),
      );
    for (let s = 60; s < 75; s++) expect(burst(60, s)).toMatchObject({ lasting: 0, surge: 0, sustained: 0 });
    for (let s = 10; s < 20; s++) expect(burst(9, s).lasting).toBe(0);
  });

  test('more than they tell comes from others: the queue is gone by', () => {
    const mixed = (told: number) =>
      arrivalRates(samples(75, s => ({ depth: 8, completed: 8 * s, accepted: told * s }))).lasting;
    expect(mixed(7)).toBeCloseTo(7);
    expect(mixed(5)).toBeCloseTo(8);
    const late = samples(75, s => ({ depth: 8, completed: 8 * s, ...(s > 30 && { accepted: 0 }) }));
    expect(arrivalRates(late).lasting).toBeCloseTo(8);
  });

  test('what was told of and cannot be done yet is there, whatever the queue says', () => {
    const burst = (ago: number) =>
      samples(75, s => ({ depth: 0, completed: 0, accepted: s < 75 - ago ? 0 : 100 }));
    expect(undone(burst(0), 0, 1)).toBe(100);
    expect(undone(burst(9), 0, 1)).toBe(100);
    // Five workers at 1 s each, 10 s since the last look before it, and 7 s that a telling may take.
    expect(undone(burst(9), 5, 1)).toBe(15);
    // By now the queue has counted it.
    expect(undone(burst(20), 0, 1)).toBe(0);
    expect(
      undone(
        samples(75, () => ({ depth: 9, completed: 0 })),
        0,
        1,
      ),
    ).toBe(0);
  });

  test('a count that began anew is not compared with the one before it', () => {
    const told = samples(75, s => ({
      depth: 0,
      completed: 0,
      accepted: s < 70 ? 10 * s : 9_000 + 10 * s,
      basis: s < 70 ? 1 : 2,
    }));
    expect(undone(told, 0, 1)).toBe(50);
    expect(arrivalRates(told)).toMatchObject({ lasting: 0, surge: 0, sudden: 0 });
  });

  test('a rate is lasting for a beginner after 4.5 s of it', () => {
    const after = (seconds: number) =>
      Math.round(arrivalRates(samples(seconds, s => ({ depth: 0, completed: 0, accepted: 10 * s }))).lasting);
    expect([3, 4, 5, 9, 30].map(after)).toEqual([0, 0, 10, 10, 10]);
  });

  test('what is there at the first look has not just arrived', () => {
    expect(arrivalRates(samples(3, () => ({ depth: 1000, completed: 0 })))).toMatchObject({
      lasting: 0,
      surge: 0,
      sudden: 0,
    });
  });
});

describe('surges', () => {
  const rates = { lasting: 1, surge: 0, sustained: 0, sudden: 14 };
  const unsure = emptyMemory.surges;

  test('one that is still there after a boot time convinces, one that is not does the opposite', () => {
    const watched = watchSurges(unsure, rates, 100, 5, 40, NOW);
    expect(watched.trial).toMatchObject({ arrived: 100, before: 1, surge: 14 });
    expect(watchSurges(watched, rates, 300, 5, 40, NOW + 20_000)).toEqual(watched);
    const lasted = watchSurges(watched, rates, 100 + 14 * 40, 5, 40, NOW + 40_000);
    expect(lasted.persistence).toBeGreaterThan(0.5);
    const passed = watchSurges(watched, rates, 128, 5, 40, NOW + 40_000);
    expect(passed.persistence).toBeLessThan(unsure.persistence);
    expect(passed.trial).toBeNull();
  });

  test('what the fleet can serve is none', () => {
    expect(watchSurges(unsure, rates, 100, 15, 40, NOW).trial).toBeNull();
  });

  test('the first sign counts only where surges have lasted', () => {
    expect(arrivingIn(40, rates, unsure)).toBe(40);
    expect(arrivingIn(40, rates, { persistence: 1, trial: null })).toBe(14 * 40);
  });
});

describe('service', () => {
  test('is learned from what workers did since they were last counted', () => {
    const first = learnService(emptyMemory, [worker(0, { processed: 10, busyMs: 5_000 })]);
    expect(first.service).toBeCloseTo(0.5);
    const later = learnService(first, [worker(0, { processed: 30, busyMs: 25_000 })]);
    expect(later.service).toBeCloseTo(0.75);
    expect(learnService(later, [worker(0, { processed: 30, busyMs: 25_000 })])).toEqual(later);
  });

  test('a heartbeat that is missing for once is not counted twice', () => {
    const first = learnService(emptyMemory, [worker(0, { processed: 10, busyMs: 5_000 })]);
    const missing = learnService(first, [worker(0, { startedAt: null })]);
    expect(learnService(missing, [worker(0, { processed: 10, busyMs: 5_000 })]).service).toBe(first.service);
  });

  test('what was counted with a guess is counted again', () => {
    expect(recount([{ at: NOW, depth: 7, completed: 60 }], 1)).toEqual([
      { at: NOW, depth: 7, completed: 30 },
    ]);
  });

  test('workers in hand complete at their pace, however many messages each holds', () => {
    expect(completions(3, 5, 0.5, 2)).toBe(12);
    expect(completions(50, 5, 0.5, 1)).toBe(10);
  });
});

describe('boots', () => {
  test('are learned once', () => {
    expect(learnBoots(emptyMemory, [worker(0), booting(1, 10)])).toEqual([40]);
    const counted = new Map([['i-00', { processed: 0, busyMs: 0 }]]);
    expect(learnBoots({ counted, boots: [40] }, [worker(0)])).toEqual([40]);
  });

  test('the longer one has lasted, the more of the others are out of the question', () => {
    expect(meanBoot([20, 40, 60])).toBe(40);
    expect(remainingBoot([20, 40, 60], 0)).toBe(40);
    expect(remainingBoot([20, 40, 60], 30)).toBe(20);
    expect(remainingBoot([20, 40, 60], 90)).toBe(2);
  });

  test('suspect, then given up, and each one never heard of in a row doubles the patience', () => {
    const boots = [40, 80];
    expect(patienceOf(boots, 0)).toEqual({ suspect: 100, lost: 160 });
    expect(patienceOf(boots, 1)).toEqual({ suspect: 200, lost: 320 });
    expect(patienceOf(boots, 9)).toEqual({ suspect: 375, lost: 600 });
    expect(patienceOf([], 0)).toEqual({ suspect: 600, lost: 600 });
  });

  test('the minimum runtime adapts from 60 to 300 s', () => {
    expect([5, 40, 400].map(boot => minRuntime('auto', boot))).toEqual([60, 80, 300]);
    expect(minRuntime(42, 400)).toBe(42);
    // A worker without a controller knows no boot time.
    expect(minRuntime('auto', Number.POSITIVE_INFINITY)).toBe(300);
  });
});

describe('desired', () => {
  test('the backlog that will be left counts what boots for the time it will work', () => {
    // Five that work for 40 s at 1 s a message, and one that has 20 s of 40 to boot.
    expect(residual(300, workers(5), 1, 40, [40], NOW)).toBe(100);
    expect(residual(300, [...workers(5), booting(5, 20)], 1, 40, [40], NOW)).toBe(80);
    expect(residual(100, workers(5), 1, 40, [40], NOW)).toBe(0);
  });

  test('one for so many messages, none for none', () => {
    expect([0, 0.4, 1, 5, 5.1].map(messages => forMessages(messages, 5))).toEqual([0, 0, 1, 1, 2]);
  });

  test('more than the load, and more still where boots are long', () => {
    expect(forRate(0, 1, 40)).toBe(0);
    expect(forRate(9, 1, 40)).toBe(11);
    expect(forRate(9, 1, 120)).toBe(12);
  });
});

describe('launches', () => {
  test('the lowest free slots, not more than the batch, nor than the maximum', () => {
    const view = (...slots: number[]) =>
      snapshot(
        0,
        slots.map(slot => worker(slot)),
      );
    expect(launches(view(0, 2, 3), 2, policy, NOW)).toEqual([1, 4]);
    expect(launches(view(), 9, policy, NOW)).toEqual([0, 1, 2, 3, 4]);
    expect(launches({ ...view(0), closedSlots: [1, 2] }, 1, policy, NOW)).toEqual([3]);
    expect(launches(snapshot(0, workers(14)), 5, policy, NOW)).toEqual([14]);
    expect(launches(snapshot(0, [...workers(4), booting(4, 2)]), 9, policy, NOW)).toEqual([5, 6, 7, 8]);
    expect(launches(snapshot(0, [...workers(4), booting(4, 3)]), 9, policy, NOW)).toHaveLength(5);
    expect(launches(view(), -1, policy, NOW)).toEqual([]);
  });
});

describe('drains', () => {
  test('from the youngest down, to the first that is too young', () => {
    expect(drains(workers(8), 5, 120, NOW)).toEqual(['i-07', 'i-06', 'i-05']);
    expect(drains([...workers(7), booting(7, 60)], 5, 120, NOW)).toEqual([]);
    expect(drains(workers(5), 5, 120, NOW)).toEqual([]);
  });
});

describe('hold', () => {
  const wish = (ago: number, count: number): Wish => ({ at: NOW - ago * 1000, count });

  test('what was wanted a moment ago is kept, what was wanted long ago is not', () => {
    expect(keepCount([wish(25, 15), wish(10, 8), wish(0, 5)], 20, NOW)).toBe(8);
  });

  test('for longer where boots are long, up to the idle time', () => {
    expect([2, 40, 45, 60, 120].map(boot => holdSeconds(boot, 300))).toEqual([20, 20, 20, 80, 300]);
    expect(holdSeconds(120, 10)).toBe(20);
  });

  test('to let go what is wanted again soon is a regret', () => {
    const wave = (gap: number) => {
      let wishes: readonly Wish[] = [];
      for (let ago = gap + 5; ago > 0; ago--) wishes = addWish(wishes, wish(ago, ago > gap ? 15 : 5), 300);
      return learnRegrets([], addWish(wishes, wish(0, 15), 300));
    };
    expect(wave(10)).toEqual([]);
    expect(wave(60)).toEqual([NOW]);
    expect(wave(200)).toEqual([]);
  });

  test('and is forgotten after twenty minutes', () => {
    expect(learnRegrets([NOW - 1_201_000, NOW - 500_000], [wish(1, 5), wish(0, 5)])).toEqual([NOW - 500_000]);
  });
});
