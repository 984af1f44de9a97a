import { expect, test } from 'bun:test';
import { Garbage } from '../../../src/worker/garbage.ts';

test('collects each 6 MiB that large photos leave, and each 50 small photos', () => {
  let collections = 0;
  const garbage = new Garbage(() => collections++);
  for (let i = 0; i < 6; i++) garbage.add(2_200_000);
  expect(collections).toBe(2);
  for (let i = 0; i < 49; i++) garbage.add(130_000);
  expect(collections).toBe(2);
  garbage.add(130_000);
  expect(collections).toBe(3);
});
