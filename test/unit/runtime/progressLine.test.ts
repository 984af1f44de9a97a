import { expect, test } from 'bun:test';
import { progressLine } from '../../../src/runtime/progressLine.ts';

function shown(isTerminal: boolean) {
  let text = '';
  let time = 0;
  const line = progressLine(
    more => {
      text += more;
    },
    isTerminal,
    () => time,
  );
  for (let i = 1; i <= 25; i++) {
    time += 1_000;
    line.show(`${i} of 25`);
  }
  line.end();
  return text;
}

test('on a terminal one line changes', () => {
  expect(shown(true)).toMatch(/^\r1 of 25\r2 of 25[^\n]*\r25 of 25\n$/);
});

test('elsewhere a line comes every ten seconds, and the last one once', () => {
  expect(shown(false)).toBe('10 of 25\n20 of 25\n25 of 25\n');
});
