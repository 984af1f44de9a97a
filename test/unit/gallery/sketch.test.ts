import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { pack } from '../../../src/core/embedding.ts';
import { normalise } from '../../../src/face/embed.ts';
import { FaceIndex } from '../../../src/gallery/faceIndex.ts';
import { createKernel } from '../../../src/gallery/kernel.ts';
import {
  LANES,
  PLACES_BYTES,
  QUERY_SKETCH_BYTES,
  reachOf,
  repeatSketch,
  SKETCH_BITS,
  SKETCH_BYTES,
  Spread,
  sketchOf,
} from '../../../src/gallery/sketch.ts';

const dimensions = fc.constantFrom(3, 64, 300, 512, 700);
const seed = fc.integer({ min: 1, max: 1_000_000 });

/** Normal numbers, deterministic. */
function normals(start: number): () => number {
  let state = start * 2_654_435_761;
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
const vectorOf = (next: () => number, length: number) =>
  normalise(Float32Array.from({ length }, next)).embedding;
/** Of similarity `share` to the first one where the second is at a right angle to it. */
const between = (one: Float32Array, share: number, other: Float32Array) =>
  normalise(one.map((value, i) => share * value + Math.sqrt(1 - share ** 2) * other[i]!)).embedding;
const dot = (one: Float32Array, other: Float32Array) =>
  one.reduce((sum, value, i) => sum + value * other[i]!, 0);

describe('sketches', () => {
  const kernel = createKernel(1);
  const bytes = new Uint8Array(kernel.memory.buffer);
  const [query, sketches, distances] = [
    PLACES_BYTES,
    PLACES_BYTES + QUERY_SKETCH_BYTES,
    PLACES_BYTES + 3 * QUERY_SKETCH_BYTES,
  ];
  const places = () => new Float32Array(kernel.memory.buffer, 0, SKETCH_BITS);
  const write = (spread: Spread, values: Float32Array, target: number) => {
    spread.write(values, places());
    kernel.sketch(0, target);
  };
  const readSketch = (start: number) =>
    Array.from({ length: SKETCH_BYTES }, (_, i) => bytes[start + LANES * i]!);
  const bitsOf = (byte: number) => byte.toString(2).replaceAll('0', '').length;

  test('are the signs of a Hadamard transform of each fourth number', () => {
    fc.assert(
      fc.property(seed, dimensions, (start, length) => {
        const spread = new Spread(length);
        const values = vectorOf(normals(start), length);
        spread.write(values, places());
        const spreadOut = [...places()];
        kernel.sketch(0, query);
        const sketch = readSketch(query);
        for (const bit of [0, 1, 2, 3, 4, 77, 255, 300, 511]) {
          let sum = 0;
          for (let i = bit % 4; i < SKETCH_BITS; i += 4)
            sum += spreadOut[i]! * (bitsOf((i >> 2) & (bit >> 2)) % 2 === 0 ? 1 : -1);
          if (Math.abs(sum) > 1e-4) expect((sketch[bit >> 3]! >> (bit & 7)) & 1).toBe(sum < 0 ? 1 : 0);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('differ in as many places as are counted, in any lane', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: SKETCH_BYTES, maxLength: SKETCH_BYTES }),
        fc.uint8Array({ minLength: SKETCH_BYTES, maxLength: SKETCH_BYTES }),
        fc.integer({ min: 0, max: 2 * LANES - 1 }),
        (one, other, row) => {
          bytes.fill(0, sketches, distances);
          for (let i = 0; i < SKETCH_BYTES; i++) {
            bytes[query + LANES * i] = one[i]!;
            bytes[sketchOf(sketches, row) + LANES * i] = other[i]!;
          }
          repeatSketch(bytes, query);
          kernel.compare(sketches, sketches + 2 * QUERY_SKETCH_BYTES, query, distances);
          const bits = (to: Uint8Array) => one.reduce((sum, byte, i) => sum + bitsOf(byte ^ to[i]!), 0);
          for (let i = 0; i < 2 * LANES; i++) {
            const expected = bits(i === row ? other : new Uint8Array(SKETCH_BYTES));
            expect(Math.abs(bytes[distances + i]! - expected / 2)).toBeLessThanOrEqual(0.5);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test('opposite ones are as far away as a byte can say', () => {
    bytes.fill(0, query, sketches);
    bytes.fill(255, sketches, distances);
    kernel.compare(sketches, sketches + QUERY_SKETCH_BYTES, query, distances);
    expect([...bytes.subarray(distances, distances + LANES)]).toEqual(new Array<number>(LANES).fill(255));
  });

  test('lie within reach, but for one in a thousand, whatever the embeddings are like', () => {
    const kinds: Record<string, (next: () => number) => Float32Array> = {
      even: next => vectorOf(next, 512),
      short: next => vectorOf(next, 128),
      long: next => vectorOf(next, 1024),
      'all in one direction': next => vectorOf(() => 1 + 0.5 * next(), 512),
      'the same number again and again': next => {
        const few = vectorOf(next, 64);
        return normalise(Float32Array.from({ length: 512 }, (_, i) => few[i % 64]!)).embedding;
      },
    };
    for (const [kind, make] of Object.entries(kinds)) {
      const next = normals(7);
      const spread = new Spread(make(next).length);
      let outside = 0;
      const pairs = 2000;
      for (let i = 0; i < pairs; i++) {
        const one = make(next);
        const other = between(one, (i % 10) / 10, make(next));
        write(spread, one, query);
        repeatSketch(bytes, query);
        write(spread, other, sketches);
        kernel.compare(sketches, sketches + QUERY_SKETCH_BYTES, query, distances);
        if (bytes[distances]! > reachOf(dot(one, other))) outside++;
      }
      expect({ kind, rare: outside / pairs < 0.003 }).toEqual({ kind, rare: true });
    }
  });

  test('reach farther for less similar faces, and everywhere where there is nobody', () => {
    expect(reachOf(1)).toBe(18);
    expect(reachOf(0.5)).toBe(Math.ceil((512 / 3 + 36) / 2));
    for (let s = -1; s < 1; s += 0.01) expect(reachOf(s)).toBeGreaterThanOrEqual(reachOf(s + 0.01));
    expect(reachOf(Number.NEGATIVE_INFINITY)).toBe(255);
  });
});

describe('a large gallery', () => {
  /** People with two faces each, 0.7 similar to the person, and families of ten. */
  function gallery(start: number, people: number, length: number) {
    const next = normals(start);
    const fresh = () => vectorOf(next, length);
    let family = fresh();
    return Array.from({ length: people }, (_, p) => {
      if (p % 10 === 0) family = fresh();
      const centre = between(family, 0.5, fresh());
      return { person: `p${p}`, faces: [0, 1, 2].map(() => between(centre, 0.8, fresh())) };
    });
  }

  /** Asks both; tells how often the first person, or the second one's similarity, is another one. */
  function lost(
    near: FaceIndex,
    everybody: FaceIndex,
    queries: readonly Float32Array[],
    counts?: (person: string) => boolean,
  ): number {
    return queries.filter(query => {
      const [found, right] = [near.search(query, counts), everybody.search(query, counts)];
      return found?.person !== right?.person || found?.margin !== right?.margin;
    }).length;
  }

  for (const length of [128, 512]) {
    test(`of ${length} numbers a face finds the first two people whom comparing with everybody finds`, () => {
      const people = gallery(3, 2100, length);
      const [near, everybody] = [new FaceIndex(length), new FaceIndex(length, Number.POSITIVE_INFINITY)];
      for (const { person, faces } of people)
        for (const n of [0, 1])
          for (const index of [near, everybody]) index.add(`${person} ${n}`, person, pack(faces[n]!));
      const known = people.slice(0, 500).map(({ faces }) => faces[2]!);
      const strangers = gallery(4, 500, length).map(({ faces }) => faces[0]!);
      expect(lost(near, everybody, known)).toBeLessThanOrEqual(1);
      expect(lost(near, everybody, strangers)).toBeLessThanOrEqual(1);
      // Whoever was found is left out, then half of all, then all but three.
      for (const query of known.slice(0, 50)) {
        const taken = new Set<string>();
        for (let i = 0; i < 4; i++) {
          const counts = (person: string) => !taken.has(person);
          expect(lost(near, everybody, [query], counts)).toBe(0);
          taken.add(everybody.search(query, counts)!.person);
        }
      }
      const even = (person: string) => Number(person.slice(1)) % 2 === 0;
      expect(lost(near, everybody, known.slice(0, 200), even)).toBe(0);
      const few = (person: string) => ['p7', 'p1200', 'p2099'].includes(person);
      expect(lost(near, everybody, known.slice(0, 100), few)).toBe(0);
      const nobody = () => false;
      expect(near.search(known[0]!, nobody)).toBeNull();
      expect(near.search(known[5]!, person => person === 'p5')).toMatchObject({ person: 'p5', margin: null });
    });
  }

  test('keeps its sketches in step with what is added, replaced and removed', () => {
    fc.assert(
      fc.property(
        seed,
        fc.array(
          fc.record({ face: fc.nat(80), kind: fc.constantFrom('add', 'add', 'remove'), vector: fc.nat(999) }),
          { minLength: 100, maxLength: 200 },
        ),
        (start, steps) => {
          const next = normals(start);
          const vectors = Array.from({ length: 1000 }, () => vectorOf(next, 64));
          // Whoever is far away by the sketch, is not compared with while somebody is near: faces by twos.
          const index = new FaceIndex(64, 1);
          const model = new Map<string, number>();
          for (const { face, kind, vector } of steps) {
            for (const twin of ['a', 'b']) {
              const id = `${face}${twin}`;
              if (kind === 'add') {
                index.add(id, id, pack(vectors[vector]!));
                model.set(id, vector);
              } else expect(index.remove(id)).toBe(model.delete(id));
            }
          }
          expect(index.size).toBe(model.size);
          for (const vector of new Set(model.values())) {
            const found = index.search(vectors[vector]!)!;
            expect(model.get(found.face)).toBe(vector);
            expect(found.similarity).toBeGreaterThan(0.99);
            expect(found.margin).toBeCloseTo(0, 6);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
