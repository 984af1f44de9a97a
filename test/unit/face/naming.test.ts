import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Candidate, nameFaces } from '../../../src/face/naming.ts';

type Similarities = Readonly<Record<string, number>>;

function search(face: Similarities, taken: ReadonlySet<string>): Candidate | null {
  const [best] = Object.entries(face)
    .filter(([person]) => !taken.has(person))
    .sort((a, b) => b[1] - a[1]);
  return best ? { person: best[0], similarity: best[1] } : null;
}
const names = (faces: Similarities[], threshold: number) =>
  nameFaces(faces, threshold, search).map(found =>
    found && found.similarity >= threshold ? found.person : undefined,
  );

test('the better of two faces keeps the name; the other gets its next best, or none', () => {
  expect(
    names(
      [
        { ada: 0.5, bob: 0.45 },
        { ada: 0.7, bob: 0.6 },
      ],
      0.4,
    ),
  ).toEqual(['bob', 'ada']);
  expect(names([{ ada: 0.5, bob: 0.3 }, { ada: 0.7 }], 0.4)).toEqual([undefined, 'ada']);
  expect(names([{ ada: 0.5 }, { ada: 0.7 }], 0.4)).toEqual([undefined, 'ada']);
  expect(names([], 0.4)).toEqual([]);
});

test('who is not similar enough takes no name away', () => {
  expect(names([{ ada: 0.39 }, { ada: 0.38 }], 0.4)).toEqual([undefined, undefined]);
  expect(nameFaces([{ ada: 0.39 }, { ada: 0.38 }], 0.4, search)).toEqual([
    { person: 'ada', similarity: 0.39 },
    { person: 'ada', similarity: 0.38 },
  ]);
});

test('a chain of the displaced ends with everybody’s best that is left', () => {
  const faces = [{ ada: 0.9, bob: 0.8, cy: 0.7 }, { ada: 0.95, bob: 0.85 }, { ada: 0.99 }];
  expect(names(faces, 0.4)).toEqual(['cy', 'bob', 'ada']);
});

test('nobody is named twice, and no face and person left over would have been a better pair', () => {
  const similarity = fc.double({ min: 0, max: 1, noNaN: true });
  const face = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), similarity);
  fc.assert(
    fc.property(fc.array(face, { maxLength: 6 }), similarity, (faces, threshold) => {
      const found = names(faces, threshold);
      const given = found.filter(name => name !== undefined);
      expect(new Set(given).size).toBe(given.length);
      for (const [i, face] of faces.entries()) {
        const own = found[i] === undefined ? threshold : face[found[i]]!;
        for (const [person, similarity] of Object.entries(face)) {
          if (similarity <= own) continue;
          const holder = found.indexOf(person);
          expect(holder).not.toBe(-1);
          expect(faces[holder]![person]!).toBeGreaterThanOrEqual(similarity);
        }
      }
    }),
  );
});
