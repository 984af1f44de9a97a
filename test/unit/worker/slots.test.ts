import { expect, test } from 'bun:test';
import { Slots } from '../../../src/worker/slots.ts';

test('never more at once than there are slots, in order, also when tasks fail', async () => {
  const slots = new Slots(2);
  let running = 0;
  let most = 0;
  const order: number[] = [];
  const tasks = Array.from({ length: 9 }, (_, i) =>
    slots.run(async () => {
      order.push(i);
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      if (i % 3 === 0) throw new Error('failed');
      return i;
    }),
  );
  const outcomes = await Promise.allSettled(tasks);
  expect(outcomes.filter(o => o.status === 'rejected')).toHaveLength(3);
  expect(most).toBe(2);
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});
