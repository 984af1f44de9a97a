import { describe, expect, test } from 'bun:test';
import {
  falseAcceptRate,
  falseAcceptRateOfMany,
  thresholdFor,
  upperQuantile,
  upperTail,
} from '../../../src/core/falseAccepts.ts';
import bundled from '../../../src/face/manifest.json';

const { impostors } = bundled.thresholds;

test('the normal tail and its inverse agree with tables', () => {
  for (const [z, tail] of [
    [0, 0.5],
    [1, 0.158655254],
    [-1, 0.841344746],
    [3, 1.349898032e-3],
    [5, 2.866515719e-7],
    [8, 6.220960574e-16],
  ] as const) {
    expect(upperTail(z) / tail).toBeCloseTo(1, 6);
    expect(upperQuantile(tail)).toBeCloseTo(z, 5);
  }
});

describe('the bundled calibration', () => {
  test.each([
    [0.3, 2.9e-3],
    [0.35, 7.7e-4],
    [0.4, 1.8e-4],
    [0.45, 3.5e-5],
  ])('gives the measured rate at %d', (similarity, rate) => {
    expect(falseAcceptRate(impostors, similarity) / rate).toBeCloseTo(1, 1);
  });

  test('is a little too careful for galleries of 158 and 1,680 people, as measured', () => {
    const named = (similarity: number, faces: number) =>
      falseAcceptRateOfMany(falseAcceptRate(impostors, similarity), faces);
    for (const [similarity, faces, measured] of [
      [0.3, 158, 0.32],
      [0.3, 1680, 0.94],
      [0.35, 158, 0.104],
      [0.35, 1680, 0.59],
      [0.4, 158, 0.024],
      [0.4, 1680, 0.2],
    ] as const) {
      expect(named(similarity, faces)).toBeGreaterThan(measured);
      expect(named(similarity, faces)).toBeLessThan(1.4 * measured);
    }
  });
});

test('the threshold grows with the gallery and keeps the rate', () => {
  let last = -1;
  for (const faces of [1, 10, 100, 10_000, 1_000_000]) {
    const threshold = thresholdFor(impostors, 0.01, faces);
    expect(threshold).toBeGreaterThan(last);
    expect(falseAcceptRateOfMany(falseAcceptRate(impostors, threshold), faces)).toBeCloseTo(0.01, 5);
    last = threshold;
  }
  expect(thresholdFor(impostors, 0.01, 0)).toBe(thresholdFor(impostors, 0.01, 1));
});
