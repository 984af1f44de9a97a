import { expect, test } from 'bun:test';
import { isToBeat, lookSeconds } from '../../../src/core/heartbeat.ts';

test('a worker beats each third time it asks, and at its first work', () => {
  expect([0, 1, 2, 3, 4, 5, 6].filter(look => isToBeat(look, 9, 3))).toEqual([0, 3, 6]);
  expect(isToBeat(1, 0, 0)).toBe(false);
  expect(isToBeat(1, 1, 0)).toBe(true);
});

test('heartbeats are looked at as often as they change, and more often while a first word is awaited', () => {
  expect(lookSeconds(true, false, false)).toBe(15);
  expect(lookSeconds(true, true, true)).toBe(15);
  expect(lookSeconds(true, true, false)).toBe(3);
  expect(lookSeconds(false, false, true)).toBe(3);
});
