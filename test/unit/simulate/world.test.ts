import { describe, expect, test } from 'bun:test';
import { decide } from '../../../src/core/scaling/decide.ts';
import { steadyArrivals, traceArrivals } from '../../../src/simulate/arrivals.ts';
import { always } from '../../../src/simulate/controllers/always.ts';
import { clairvoyant } from '../../../src/simulate/controllers/clairvoyant.ts';
import { law } from '../../../src/simulate/controllers/law.ts';
import { geometricMean, measure, percentile } from '../../../src/simulate/measures.ts';
import { policies, policyNames } from '../../../src/simulate/policies.ts';
import { meanService, type Setting, usualSetting } from '../../../src/simulate/setting.ts';
import { simulate } from '../../../src/simulate/world.ts';

const second: Setting = { ...usualSetting, service: { ...usualSetting.service, seconds: 1 } };

describe('the simulator', () => {
  test('the same seed gives the same run, another one another', () => {
    const run = (seed: number) => simulate(traceArrivals('onoffL', 1.03, seed), second, seed, law(decide));
    expect(run(3)).toEqual(run(3));
    expect(run(3).cost).not.toBe(run(4).cost);
  });

  test('every policy answers every message', () => {
    const arrivals = traceArrivals('burst1000', 1.03, 2);
    for (const name of policyNames) {
      const outcome = simulate(arrivals, second, 2, policies[name].kind(second));
      expect([name, outcome.lost, outcome.waits.length]).toEqual([name, 0, 1000]);
    }
  });

  test('a fixed fleet costs its size times the time, and waits as queueing theory says', () => {
    // M/M/2 at a load of 1: the mean wait is a third of the service time, 1/3 s of 1 s, and one service time more.
    const setting: Setting = {
      ...usualSetting,
      min: 2,
      max: 2,
      service: { seconds: 1, shape: 'exponential', spread: 0, overhead: 0 },
    };
    const arrivals = steadyArrivals(1, 100_000, false, 5);
    const { cost, waits } = simulate(arrivals, setting, 5, always(2));
    expect(cost).toBe(200_000);
    expect(waits.reduce((sum, wait) => sum + wait, 0) / waits.length).toBeCloseTo(4 / 3, 1);
  });

  test('a lost reply, no capacity, dead boots, kills and amnesia lose no message and never exceed the maximum', () => {
    const setting: Setting = {
      ...second,
      controllers: 2,
      describeLag: 20,
      faults: { noCapacity: 0.3, lostReplies: 0.3, deadBoots: 0.2, killsPerHour: 4, amnesiaSeconds: 200 },
    };
    for (const trace of ['burst1000', 'heavy', 'onoffL'] as const) {
      const outcome = simulate(traceArrivals(trace, 1.03, 9), setting, 9, law(decide));
      expect([trace, outcome.lost, outcome.busyKills, outcome.secondsAboveMax]).toEqual([trace, 0, 0, 0]);
      expect(outcome.peak).toBeLessThanOrEqual(15);
    }
  });

  test('traces carry the same work whatever a message takes', () => {
    for (const name of ['poisson', 'diurnal', 'ramp', 'onoffS', 'onoffL'] as const) {
      const work = (service: number) => traceArrivals(name, service, 1).times.length * service;
      expect(work(0.28) / work(1.03)).toBeCloseTo(1, 1);
    }
  });
});

describe('the law in it', () => {
  test('a burst of 100 launches nothing: it is over before an instance would be there', () => {
    // In the last three, the guess of the service time, made before a worker has told it, looked like arrivals.
    for (const seconds of [0.25, 1])
      for (const seed of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 60_074, 60_240, 60_287]) {
        const setting = { ...usualSetting, service: { ...usualSetting.service, seconds } };
        expect(
          simulate(traceArrivals('burst100', meanService(setting), seed), setting, seed, law(decide))
            .launches,
        ).toBe(0);
      }
  });

  test('where boots take two minutes, waves that come back in three find the fleet there', () => {
    const setting: Setting = { ...second, boot: { from: 60, to: 180 } };
    const arrivals = traceArrivals('onoffS', meanService(setting), 1);
    const { waits } = simulate(arrivals, setting, 1, law(decide, { minRuntimeSeconds: 'auto' }));
    const later = waits.filter((_, i) => arrivals.times[i]! > 400).sort();
    expect(percentile(later, 0.95)).toBeLessThan(5);
  });

  test('a burst of 1,000 is answered in 1.5 times what the whole fleet would take, at 1.05 times the least cost', () => {
    const run = (kind: Parameters<typeof simulate>[3]) =>
      measure(
        [1, 2, 3, 4, 5].map(seed => simulate(traceArrivals('burst1000', 1.03, seed), second, seed, kind)),
      );
    const ours = run(law(decide, { minRuntimeSeconds: 'auto' }));
    expect(ours.p95 / run(always(15)).p95).toBeLessThanOrEqual(1.5);
    expect(ours.cost / run(clairvoyant).cost).toBeLessThanOrEqual(1.05);
    expect(ours.busyKills).toBe(0);
  });

  test('from zero to the first answer is one boot and at most 2 s, and back to zero when idle', () => {
    const setting: Setting = {
      ...usualSetting,
      min: 0,
      queueLag: { mean: 0, most: 0 },
      boot: { from: 40, to: 40 },
    };
    const arrivals = { name: 'one', seconds: 1800, times: [600] };
    const { waits, finalFleet, launches } = simulate(
      arrivals,
      setting,
      1,
      law(decide, { minRuntimeSeconds: 'auto' }),
    );
    expect(waits[0]!).toBeLessThanOrEqual(42);
    expect(finalFleet).toBe(0);
    expect(launches).toBe(1);
  });
});

describe('measures', () => {
  test('percentiles by nearest rank', () => {
    const values = Float64Array.from([1, 2, 3, 4]);
    expect([0.25, 0.5, 0.95, 1].map(part => percentile(values, part))).toEqual([1, 2, 4, 4]);
    expect(percentile(new Float64Array(0), 0.5)).toBe(0);
  });

  test('geometric mean', () => {
    expect(geometricMean([1, 4])).toBeCloseTo(2);
  });
});
