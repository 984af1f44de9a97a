import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { fileNameProblem, stemOf } from '../../../src/core/fileName.ts';
import {
  encodeMessage,
  inputKey,
  parseCompletion,
  parseRequest,
  type Request,
  resultKey,
} from '../../../src/core/messages.ts';
import { personIdProblem } from '../../../src/core/people.ts';

const id = '019a0000-0000-7000-8000-000000000001';
const fileNames = fc.string({ unit: 'binary', maxLength: 220 }).filter(name => !fileNameProblem(name));
const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const traces = fc.constant(trace);
const personIds = fc.string({ unit: 'binary', maxLength: 80 }).filter(name => !personIdProblem(name));

test('every request that the schemas allow survives the queue, in ASCII and under 1 KiB', () => {
  const requests: fc.Arbitrary<Request> = fc.oneof(
    fc.record({
      v: fc.constant(1 as const),
      kind: fc.constant('recognise' as const),
      id: fc.constant(id),
      file: fileNames,
      trace: traces,
      threshold: fc.double({ min: -1, max: 1, noNaN: true }).map(x => x + 0),
      against: fc.constant(id),
    }),
    fc.record({
      v: fc.constant(1 as const),
      kind: fc.constant('enrol' as const),
      id: fc.constant(id),
      file: fileNames,
      trace: traces,
      person: personIds,
    }),
  );
  fc.assert(
    fc.property(requests, request => {
      const body = encodeMessage(request);
      expect(body).toMatch(/^[\x20-\x7e]*$/);
      expect(body.length).toBeLessThan(1024);
      expect(parseRequest(body)).toEqual({ request: JSON.parse(JSON.stringify(request)) });
    }),
    { numRuns: 500 },
  );
});

test('the longest names with the dearest escapes still fit', () => {
  const body = encodeMessage({
    v: 1,
    kind: 'enrol',
    id,
    file: 'é'.repeat(100),
    trace,
    person: 'é'.repeat(32),
  });
  expect(body.length).toBeLessThan(1024);
});

test.each([
  ['{', 'not JSON'],
  ['null', 'message'],
  ['[]', 'kind'],
  [JSON.stringify({ v: 2, kind: 'recognise', id, file: 'a.jpg' }), 'v: expected 1'],
  [JSON.stringify({ v: 1, kind: 'launch', id, file: 'a.jpg' }), 'kind'],
  [JSON.stringify({ v: 1, kind: 'recognise', id: '../../etc', file: 'a.jpg' }), 'id'],
  [JSON.stringify({ v: 1, kind: 'recognise', id, file: '../a.jpg' }), 'file'],
  [JSON.stringify({ v: 1, kind: 'recognise', id, file: 'a.jpg', threshold: '0.4' }), 'threshold'],
  [JSON.stringify({ v: 1, kind: 'recognise', id, file: 'a.jpg', admin: true }), 'admin'],
  [JSON.stringify({ v: 1, kind: 'recognise', id, file: 'a.jpg', trace: trace.toUpperCase() }), 'trace'],
  [`{"v":1,"kind":"recognise","id":"${id}","file":"a.jpg","__proto__":{"x":1}}`, '__proto__'],
  ['['.repeat(100_000), 'not JSON'],
])('hostile body %#: refused with a reason', (body, problem) => {
  const parsed = parseRequest(body);
  expect('problem' in parsed && parsed.problem).toContain(problem);
  expect(parseCompletion(body)).toHaveProperty('problem');
});

test('keys are functions of the request', () => {
  expect(inputKey({ id, file: 'a.b.jpg' })).toBe(`${id}/a.b.jpg`);
  expect(resultKey({ id, file: 'a.b.jpg' })).toBe(`${id}/a.b.json`);
  expect(stemOf('.jpg')).toBe('.jpg');
  expect(stemOf('noextension')).toBe('noextension');
});

test.each(['', '.', '..', 'a/b', 'a\\b', 'a\0b', 'a\nb', '\ud800', 'x'.repeat(201)])(
  '%j is no file name',
  name => {
    expect(fileNameProblem(name)).toBeString();
  },
);

test.each(['a.jpg', '😀.png', 'Ünïcödé name (1).jpeg', 'x'.repeat(200)])('%j is a file name', name => {
  expect(fileNameProblem(name)).toBeUndefined();
});
