import { expect, test } from 'bun:test';
import bundled from '../../../src/face/manifest.json';
import { targetProblem, thresholdOf } from '../../../src/worker/threshold.ts';

const { thresholds } = bundled;
const none = { threshold: undefined, targetFar: undefined };

test('a threshold that is set goes before a target, a target before what the models recommend', () => {
  expect(thresholdOf(none, thresholds, 1000)).toBe(0.4);
  expect(thresholdOf({ threshold: 0.5, targetFar: 0.01 }, thresholds, 1000)).toBe(0.5);
  expect(thresholdOf({ ...none, targetFar: 0.01 }, thresholds, 1000)).toBeGreaterThan(0.45);
});

test('with a target, a family is named at lower similarities than a town', () => {
  const at = (faces: number) => thresholdOf({ ...none, targetFar: 0.01 }, thresholds, faces);
  expect(at(10)).toBeLessThan(0.4);
  expect(at(10_000)).toBeGreaterThan(at(1000));
  expect(String(at(1000)).length).toBeLessThanOrEqual(6);
});

test('a target is refused for models that nobody has measured', () => {
  const { impostors: _, ...unmeasured } = thresholds;
  expect(targetProblem({ ...none, targetFar: 0.01 }, unmeasured)).toContain('FACEREC_TARGET_FAR');
  expect(targetProblem({ threshold: 0.4, targetFar: 0.01 }, unmeasured)).toBeUndefined();
  expect(targetProblem({ ...none, targetFar: 0.01 }, thresholds)).toBeUndefined();
  expect(targetProblem(none, unmeasured)).toBeUndefined();
});
