import { expect, test } from 'bun:test';
import { Garbage } from '../../../src/worker/garbage.ts';

test('collects once in 6 MiB: seldom for small photos, after each few large ones', () => {
  let collections = 0;
  const garbage = new Garbage(() => collections++);
  for (let i = 0; i < 48; i++) garbage.add(130_000);
  expect(collections).toBe(0);
  for (let i = 0; i < 5; i++) garbage.add(130_000);
  expect(collections).toBe(1);
  for (let i = 0; i < 4; i++) garbage.add(7_000_000);
  expect(collections).toBe(5);
});
