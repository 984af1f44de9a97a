import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { pack, unpack } from '../../../src/core/embedding.ts';
import { normalise } from '../../../src/face/embed.ts';
import { FaceIndex } from '../../../src/gallery/faceIndex.ts';

const DIMENSIONS = 7;
/** What 16 bits for the query's numbers leave open. */
const EXACT = 4;
const vector = fc
  .array(fc.integer({ min: -9, max: 9 }), { minLength: DIMENSIONS, maxLength: DIMENSIONS })
  .map(values => normalise(new Float32Array(values)).embedding);
const face = fc.integer({ min: 0, max: 60 }).map(n => `face${n}`);
const person = fc.integer({ min: 0, max: 5 }).map(n => `person${n}`);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('add' as const), face, person, embedding: vector }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), face }) },
);

/** Each person's best similarity, the greatest first: by comparing with every face. */
function naive(entries: Iterable<{ person: string; embedding: Float32Array }>, query: Float32Array) {
  const best = new Map<string, number>();
  for (const { person, embedding } of entries) {
    const dot = unpack(pack(embedding)).reduce((sum, value, i) => sum + value * query[i]!, 0);
    best.set(person, Math.max(dot, best.get(person) ?? Number.NEGATIVE_INFINITY));
  }
  return [...best].sort((a, b) => b[1] - a[1]);
}

describe('FaceIndex', () => {
  test('answers as a naive search does, whatever was added, replaced and removed', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120 }),
        vector,
        fc.subarray(['person0', 'person1', 'person2', 'person3', 'person4', 'person5'], { minLength: 3 }),
        (steps, query, counted) => {
          const index = new FaceIndex(DIMENSIONS);
          const model = new Map<string, { person: string; embedding: Float32Array }>();
          for (const action of steps) {
            if (action.kind === 'add') {
              index.add(action.face, action.person, pack(action.embedding));
              model.set(action.face, action);
            } else expect(index.remove(action.face)).toBe(model.delete(action.face));
            expect(index.size).toBe(model.size);
          }
          expect(index.people).toBe(new Set([...model.values()].map(entry => entry.person)).size);
          const found = index.search(query, id => counted.includes(id));
          const [best, next] = naive(
            [...model.values()].filter(entry => counted.includes(entry.person)),
            query,
          );
          if (found === null) {
            expect(best).toBeUndefined();
            return;
          }
          expect(found.similarity).toBeCloseTo(best![1], EXACT);
          // Faces may be equally similar: any of them is right.
          const { person, embedding } = model.get(found.face)!;
          expect(found.person).toBe(person);
          expect(naive([{ person, embedding }], query)[0]![1]).toBeCloseTo(found.similarity, EXACT);
          if (next === undefined) expect(found.margin).toBeNull();
          else expect(found.margin!).toBeCloseTo(best![1] - next[1], EXACT);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('finds everybody in several blocks, also after removals among them', () => {
    const random = mulberry(1);
    const dimensions = 70;
    const embeddings = Array.from({ length: 3000 }, () => gaussian(random, dimensions));
    const index = new FaceIndex(dimensions);
    for (const [i, embedding] of embeddings.entries()) index.add(`f${i}`, `p${i}`, pack(embedding));
    for (let i = 0; i < 3000; i += 3) index.remove(`f${i}`);
    expect(index.size).toBe(2000);
    for (const i of [1, 2, 1025, 2999])
      expect(index.embeddingOf(`f${i}`)).toEqual(unpack(pack(embeddings[i]!)));
    expect(index.embeddingOf('f0')).toBeUndefined();
    expect(index.similarityTo('f1', embeddings[1]!)).toBeCloseTo(1, 2);
    for (const [i, embedding] of embeddings.entries()) {
      const best = index.search(embedding);
      if (i % 3 === 0) expect(best!.similarity).toBeLessThan(0.9);
      else {
        expect(best).toMatchObject({ person: `p${i}`, face: `f${i}` });
        expect(best!.similarity).toBeCloseTo(1, 2);
      }
    }
  });

  test('adds up the largest numbers there are', () => {
    for (const dimensions of [512, 2048]) {
      const flat = new Float32Array(dimensions).fill(1 / Math.sqrt(dimensions));
      const index = new FaceIndex(dimensions);
      index.add('same', 'a', pack(flat));
      index.add('opposite', 'b', pack(flat.map(value => -value)));
      const found = index.search(flat)!;
      expect(found).toMatchObject({ person: 'a', face: 'same' });
      expect(found.similarity).toBeCloseTo(1, 3);
      expect(found.margin).toBeCloseTo(2, 3);
    }
  });

  test('is empty at first', () => {
    expect(new FaceIndex(2).search(new Float32Array([1, 0]))).toBeNull();
  });

  test('refuses embeddings of another length', () => {
    const index = new FaceIndex(4);
    expect(() => index.add('f', 'p', pack(new Float32Array(3)))).toThrow('3');
    expect(() => index.search(new Float32Array(5))).toThrow('5');
    expect(index.size).toBe(0);
  });
});

test('packing keeps the length, and a cosine to a thousandth', () => {
  const random = mulberry(2);
  let worst = 0;
  for (let i = 0; i < 200; i++) {
    const [one, other] = [gaussian(random, 512), gaussian(random, 512)];
    const packed = pack(one);
    expect(Math.hypot(...unpack(packed))).toBeCloseTo(1, 6);
    expect(pack(unpack(packed)).values).toEqual(packed.values);
    const exact = one.reduce((sum, value, n) => sum + value * other[n]!, 0);
    const rounded = unpack(packed).reduce((sum, value, n) => sum + value * other[n]!, 0);
    worst = Math.max(worst, Math.abs(exact - rounded));
  }
  expect(worst).toBeLessThan(0.002);
  expect(pack(new Float32Array(3))).toEqual({ scale: 0, values: new Int8Array(3) });
});

/** Uniform numbers from 0 to 1. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function gaussian(random: () => number, dimensions: number): Float32Array {
  const raw = Float32Array.from(
    { length: dimensions },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
  return normalise(raw).embedding;
}
