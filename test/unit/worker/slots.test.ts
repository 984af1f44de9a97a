import { expect, test } from 'bun:test';
import { Slots } from '../../../src/worker/slots.ts';

test('never more at once than there are slots, in order', async () => {
  const slots = new Slots(2);
  let running = 0;
  let most = 0;
  const order: number[] = [];
  const tasks = Array.from({ length: 9 }, (_, i) =>
    slots.enter().then(async end => {
      order.push(i);
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      end();
      end();
    }),
  );
  await Promise.all(tasks);
  expect(most).toBe(2);
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});
