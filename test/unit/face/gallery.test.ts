import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { normalise } from '../../../src/face/embed.ts';
import { FaceIndex } from '../../../src/face/gallery.ts';

const DIMENSIONS = 7;
const vector = fc
  .array(fc.integer({ min: -9, max: 9 }), { minLength: DIMENSIONS, maxLength: DIMENSIONS })
  .map(values => normalise(new Float32Array(values)).embedding);
const face = fc.integer({ min: 0, max: 60 }).map(n => `face${n}`);
const person = fc.integer({ min: 0, max: 5 }).map(n => `person${n}`);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('add' as const), face, person, embedding: vector }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), face }) },
);

describe('FaceIndex', () => {
  test('answers as a naive search does, whatever was added, replaced and removed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), vector, (steps, query) => {
        const index = new FaceIndex(DIMENSIONS);
        const model = new Map<string, { person: string; embedding: Float32Array }>();
        for (const action of steps) {
          if (action.kind === 'add') {
            index.add(action.face, action.person, action.embedding);
            model.set(action.face, action);
          } else {
            expect(index.remove(action.face)).toBe(model.delete(action.face));
          }
          expect(index.size).toBe(model.size);
        }
        const dot = (embedding: Float32Array) =>
          embedding.reduce((sum, value, i) => sum + value * query[i]!, 0);
        const scores = new Map([...model].map(([id, { embedding }]) => [id, dot(embedding)]));
        const found = index.match(query);
        if (found === null) {
          expect(model.size).toBe(0);
          return;
        }
        // Faces may be equally similar: any of them is right.
        expect(found.similarity).toBeCloseTo(Math.max(...scores.values()), 6);
        expect(scores.get(found.face)!).toBeCloseTo(found.similarity, 6);
        expect(model.get(found.face)!.person).toBe(found.person);
        const others = [...model]
          .filter(([, entry]) => entry.person !== found.person)
          .map(([id]) => scores.get(id)!);
        if (others.length === 0) expect(found.margin).toBeNull();
        else expect(found.margin!).toBeCloseTo(found.similarity - Math.max(...others), 6);
      }),
    );
  });

  test('is empty at first', () => {
    expect(new FaceIndex(2).match(new Float32Array([1, 0]))).toBeNull();
  });

  test('refuses embeddings of another length', () => {
    const index = new FaceIndex(4);
    expect(() => index.add('f', 'p', new Float32Array(3))).toThrow('3');
    expect(() => index.match(new Float32Array(5))).toThrow('5');
    expect(index.size).toBe(0);
  });
});
