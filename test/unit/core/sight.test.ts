import { expect, test } from 'bun:test';
import { markOf, seen } from '../../../src/core/sight.ts';

test('what stays as it is keeps its time, and any change begins anew', () => {
  const first = seen(undefined, 'a', 10);
  expect(first).toEqual({ mark: 'a', since: 10 });
  expect(seen(first, 'a', 20)).toBe(first);
  expect(seen(first, 'b', 20)).toEqual({ mark: 'b', since: 20 });
});

test('that nothing is there is a sight too', () => {
  const nothing = seen<string | undefined>(undefined, undefined, 10);
  expect(nothing).toEqual({ mark: undefined, since: 10 });
  expect(seen(nothing, undefined, 20)).toBe(nothing);
});

test('an object written again at the same time is told by its size, and one of the same size by its time', () => {
  const info = { key: 'k', size: 3, modifiedAt: 5 };
  expect(markOf({ ...info, key: 'other' })).toBe(markOf(info));
  for (const changed of [{ size: 4 }, { modifiedAt: 6 }])
    expect(markOf({ ...info, ...changed })).not.toBe(markOf(info));
});
