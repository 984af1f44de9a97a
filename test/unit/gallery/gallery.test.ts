import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { pack } from '../../../src/core/embedding.ts';
import type { GalleryEvent } from '../../../src/gallery/events.ts';
import { Gallery } from '../../../src/gallery/gallery.ts';
import { decodeSegment, encodeSegment } from '../../../src/gallery/segment.ts';

/** The n-th moment. */
export function stamp(n: number): string {
  return `019a0000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}
function face(person: string, at: number): GalleryEvent {
  return {
    type: 'face',
    person,
    face: stamp(at),
    file: 'a.jpg',
    model: 'm',
    quality: 3,
    embedding: pack(new Float32Array([at, 0.5])),
  };
}
const named = (person: string, name: string, at: number): GalleryEvent => ({
  type: 'person',
  person,
  name,
  at: stamp(at),
});
const removed = (person: string, at: number): GalleryEvent => ({
  type: 'person-removed',
  person,
  at: stamp(at),
});
const faceRemoved = (n: number, at: number): GalleryEvent => ({
  type: 'face-removed',
  face: stamp(n),
  at: stamp(at),
});

function galleryOf(events: readonly GalleryEvent[]): Gallery {
  const gallery = new Gallery();
  for (const event of events) gallery.apply(event);
  return gallery;
}

const anyEvents = fc.array(
  fc.oneof(
    fc
      .record({ person: fc.constantFrom('a', 'b'), at: fc.nat(12) })
      .map(({ person, at }) => named(person, `N${at}`, at)),
    fc
      .record({ person: fc.constantFrom('a', 'b'), at: fc.nat(12) })
      .map(({ person, at }) => removed(person, at)),
    // A face's id is its request's: it has one owner.
    fc.nat(12).map(at => face(at % 2 ? 'a' : 'b', at)),
    fc.record({ n: fc.nat(12), at: fc.nat(12) }).map(({ n, at }) => faceRemoved(n, at)),
  ),
  { maxLength: 30 },
);

test('order and repetition of events make no difference', () => {
  fc.assert(
    fc.property(
      anyEvents.chain(events =>
        fc.tuple(
          fc.constant(events),
          fc.shuffledSubarray([...events, ...events], {
            minLength: 2 * events.length,
            maxLength: 2 * events.length,
          }),
        ),
      ),
      ([events, shuffled]) => {
        // Two names given at one moment by different requests have different stamps; drop such impossible pairs.
        expect(galleryOf(shuffled).people()).toEqual(galleryOf(events).people());
      },
    ),
    { numRuns: 500 },
  );
});

test('the changes reported add up to what is held, and hold all that is visible', () => {
  fc.assert(
    fc.property(anyEvents, events => {
      const gallery = new Gallery();
      const held = new Set<string>();
      for (const event of events) {
        for (const change of gallery.apply(event)) {
          if ('removed' in change) expect(held.delete(change.removed)).toBe(true);
          else {
            expect(held.has(change.added.face)).toBe(false);
            held.add(change.added.face);
          }
        }
      }
      for (let n = 0; n <= 12; n++) expect(gallery.holds(stamp(n))).toBe(held.has(stamp(n)));
      for (const { faces } of gallery.people())
        for (const { face } of faces) expect(held.has(face)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('the events that a gallery needs make it, also through a segment and with later events', () => {
  fc.assert(
    fc.property(anyEvents, anyEvents, (events, later) => {
      const whole = galleryOf([...events, ...later]);
      const needed = events.filter(event => galleryOf(events).needs(event));
      const rebuilt = galleryOf(decodeSegment(encodeSegment(needed)));
      expect(rebuilt.people()).toEqual(galleryOf(events).people());
      for (const event of later) rebuilt.apply(event);
      expect(rebuilt.people()).toEqual(whole.people());
    }),
    { numRuns: 300 },
  );
});

test('a face asked for before its person was removed never comes back', () => {
  const gallery = galleryOf([
    named('a', 'Ada', 1),
    removed('a', 3),
    face('a', 2),
    named('a', 'Ada', 4),
    face('a', 5),
  ]);
  expect(gallery.person('a')?.faces.map(f => f.face)).toEqual([stamp(5)]);
});

test('of a person who was removed nothing is needed but the removal', () => {
  const events = [named('a', 'Ada', 1), face('a', 2), removed('a', 3)];
  const gallery = galleryOf(events);
  expect(events.filter(event => gallery.needs(event))).toEqual([removed('a', 3)]);
  expect(gallery.removals()).toEqual(new Map([['a', stamp(3)]]));
  expect(galleryOf([...events, named('a', 'Ada', 4)]).removals().size).toBe(0);
});

test('a worker’s gallery knows names and which faces it holds', () => {
  const gallery = new Gallery(false);
  for (const event of [named('a', 'Ada', 1), face('a', 2)]) gallery.apply(event);
  expect(gallery.nameOf('a')).toBe('Ada');
  expect(gallery.holds(stamp(2))).toBe(true);
});

test('a segment brings back what was written', () => {
  const events: GalleryEvent[] = [
    named('a', 'Ada', 1),
    removed('b', 2),
    faceRemoved(3, 4),
    face('a', 5),
    {
      ...(face('c', 6) as GalleryEvent & { type: 'face' }),
      digest: '0123456789abcdef'.repeat(2),
      model: 'other',
    },
    { ...(face('a', 7) as GalleryEvent & { type: 'face' }), embedding: pack(new Float32Array([1, 2, 3])) },
    face('c', 8),
  ];
  const byTime = (a: GalleryEvent, b: GalleryEvent) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  expect(decodeSegment(encodeSegment(events)).sort(byTime)).toEqual([...events].sort(byTime));
  expect(decodeSegment(encodeSegment([]))).toEqual([]);
});

test('segments of the first version are read', () => {
  const { embedding: _, ...described } = face('a', 2) as GalleryEvent & { type: 'face' };
  const json = JSON.stringify({ v: 1, events: [named('a', 'Ada', 1), { ...described, embedding: [0, 2] }] });
  const header = Buffer.from(json + ' '.repeat((4 - (json.length % 4)) % 4));
  const numbers = Buffer.from(new Float32Array([2, 0.5]).buffer);
  const old = Buffer.concat([Buffer.from(new Uint32Array([header.length]).buffer), header, numbers]);
  expect(decodeSegment(old)).toEqual([named('a', 'Ada', 1), face('a', 2)]);
  expect(() => decodeSegment(old.subarray(0, old.length - 4))).toThrow();
});

test('a torn or foreign segment is an error', () => {
  const segment = encodeSegment([face('a', 1)]);
  expect(() => decodeSegment(segment.subarray(0, segment.length - 4))).toThrow();
  expect(() => decodeSegment(segment.subarray(0, 20))).toThrow();
  expect(() => decodeSegment(new Uint8Array(3))).toThrow();
  expect(() => decodeSegment(new TextEncoder().encode('\x02\0\0\0{}'))).toThrow();
});
