import { expect, test } from 'bun:test';
import { Garbage } from '../../../src/worker/garbage.ts';

test('collects each 6 MiB that large photos leave, and never for small ones', () => {
  let collections = 0;
  const garbage = new Garbage(() => collections++);
  for (let i = 0; i < 1000; i++) garbage.add(130_000);
  expect(collections).toBe(0);
  for (let i = 0; i < 6; i++) garbage.add(2_200_000);
  expect(collections).toBe(2);
});
