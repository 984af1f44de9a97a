import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { decodeSegment, encodeSegment, type GalleryEvent } from '../../../src/gallery/events.ts';
import { Gallery } from '../../../src/gallery/gallery.ts';

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
    embedding: new Float32Array([at, 0.5]),
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

test('the changes reported add up to what is visible', () => {
  fc.assert(
    fc.property(anyEvents, events => {
      const gallery = new Gallery();
      const visible = new Set<string>();
      for (const event of events) {
        for (const change of gallery.apply(event)) {
          if ('removed' in change) expect(visible.delete(change.removed)).toBe(true);
          else {
            expect(visible.has(change.added.face)).toBe(false);
            visible.add(change.added.face);
          }
        }
      }
      const faces = gallery.people().flatMap(person => person.faces.map(f => f.face));
      expect([...visible].sort()).toEqual(faces.sort());
    }),
    { numRuns: 500 },
  );
});

test('a gallery is rebuilt from its own events, also through a segment and with later events', () => {
  fc.assert(
    fc.property(anyEvents, anyEvents, (events, later) => {
      const whole = galleryOf([...events, ...later]);
      const rebuilt = galleryOf(decodeSegment(encodeSegment(galleryOf(events).events())));
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

test('a person that was removed holds no embedding in memory or in later segments', () => {
  const gallery = galleryOf([named('a', 'Ada', 1), face('a', 2), removed('a', 3)]);
  expect(gallery.events()).toEqual([removed('a', 3)]);
  expect(gallery.events(stamp(9))).toEqual([]);
});

test('a torn or foreign segment is an error', () => {
  const segment = encodeSegment([face('a', 1)]);
  expect(() => decodeSegment(segment.subarray(0, segment.length - 4))).toThrow();
  expect(() => decodeSegment(segment.subarray(0, 20))).toThrow();
  expect(() => decodeSegment(new Uint8Array(3))).toThrow();
  expect(() => decodeSegment(new TextEncoder().encode('\x02\0\0\0{}'))).toThrow();
});
