import { expect, test } from 'bun:test';
import { withoutPeople } from '../../../src/core/erasure.ts';
import type { Face, Result } from '../../../src/core/results.ts';

const id = '019a0000-0000-7000-8000-000000000001';
const face = (person?: string): Face => ({
  box: [1, 2, 3, 4],
  score: 1,
  landmarks: [],
  quality: 3,
  ...(person !== undefined && { person }),
  label: person?.toUpperCase() ?? 'unknown',
  similarity: 0.6,
  margin: 0.2,
});
const result = (...people: (string | undefined)[]): Result => ({
  id,
  file: 'a.jpg',
  status: 'done',
  label: people.find(person => person)?.toUpperCase() ?? 'unknown',
  image: { width: 9, height: 9 },
  faces: people.map(face),
  threshold: 0.4,
  model: 'm',
  timings: {},
});
const gone = (person: string) => person === 'ada';

test('who is gone becomes unknown, the others stay, and the photo is labelled by the next', () => {
  const erased = withoutPeople(result('ada', 'bob', undefined), gone);
  expect(JSON.stringify(erased)).not.toMatch(/ada/i);
  expect(erased).toMatchObject({
    label: 'BOB',
    faces: [{ label: 'unknown', similarity: null, margin: null }, face('bob'), face()],
  });
  expect(withoutPeople(result('ada'), gone)).toMatchObject({ label: 'unknown' });
});

test('results of others are left as they are; an enrolment of who is gone goes as a whole', () => {
  const other = result('bob', undefined);
  expect(withoutPeople(other, gone)).toBe(other);
  const failed: Result = { id, file: 'a.jpg', status: 'failed', reason: 'no-face', detail: '' };
  expect(withoutPeople(failed, gone)).toBe(failed);
  const enrolled = (person: string): Result => ({
    ...{ id, file: 'a.jpg', status: 'done', person, face: id, quality: 3, model: 'm', timings: {} },
    box: [1, 2, 3, 4],
  });
  expect(withoutPeople(enrolled('ada'), gone)).toBeUndefined();
  expect(withoutPeople(enrolled('bob'), gone)).toMatchObject({ person: 'bob' });
});
