import { describe, expect, test } from 'bun:test';
import * as v from 'valibot';
import { continueTrace, TraceParentSchema, traceIdOf } from '../../../src/core/trace.ts';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = '00f067aa0ba902b7';
const random = (bytes: number) => 'ab'.repeat(bytes);

test('what came is continued, with a step of our own and the flag that says whether it is recorded', () => {
  expect(continueTrace(`00-${trace}-${span}-01`, random)).toBe(`00-${trace}-abababababababab-01`);
  expect(continueTrace(` 00-${trace}-${span}-00 `, random)).toBe(`00-${trace}-abababababababab-00`);
});

test('of later versions, what is known is read', () => {
  expect(continueTrace(`01-${trace}-${span}-03-more`, random)).toBe(`00-${trace}-abababababababab-01`);
});

describe('what is not valid begins a new trace', () => {
  test.each([
    undefined,
    null,
    '',
    'nonsense',
    `00-${trace}-${span}`,
    `00-${trace}-${span}-01-more`,
    `ff-${trace}-${span}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${'0'.repeat(32)}-${span}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace}-${span}-01, 00-${trace}-${span}-01`,
  ])('%p', sent => {
    expect(continueTrace(sent, random)).toBe(`00-${'ab'.repeat(16)}-${'ab'.repeat(8)}-00`);
  });
});

test('no two are the same, and all are valid', () => {
  const made = Array.from({ length: 50 }, () => continueTrace(undefined));
  expect(new Set(made.map(traceIdOf)).size).toBe(50);
  for (const traceparent of made) expect(v.is(TraceParentSchema, traceparent)).toBe(true);
});

test('the trace id', () => {
  expect(traceIdOf(`00-${trace}-${span}-01`)).toBe(trace);
});
