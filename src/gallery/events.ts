import * as v from 'valibot';
import { Damaged, messageOf } from '../core/errors.ts';
import { PersonIdSchema, PersonNameSchema } from '../core/people.ts';

/** A UUID of version 7 in lower case: sorts by time. It orders changes that arrive in any order. */
export const StampSchema = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
);

const person = v.object({
  type: v.literal('person'),
  person: PersonIdSchema,
  name: PersonNameSchema,
  at: StampSchema,
});
const personRemoved = v.object({
  type: v.literal('person-removed'),
  person: PersonIdSchema,
  at: StampSchema,
});

const faceFields = {
  type: v.literal('face'),
  person: PersonIdSchema,
  /** Id of the enrolment request: the time at which it was asked for. */
  face: StampSchema,
  /** File name of the enrolled photo. */
  file: v.string(),
  /** Id of the models that made the embedding. */
  model: v.string(),
  quality: v.number(),
};
const face = v.object({
  ...faceFields,
  embedding: v.custom<Float32Array>(value => value instanceof Float32Array),
});
/** As stored: `embedding` is [offset, length] in floats of the block behind the header. */
const storedFace = v.object({ ...faceFields, embedding: v.tuple([v.number(), v.number()]) });

const faceRemoved = v.object({ type: v.literal('face-removed'), face: StampSchema, at: StampSchema });

const EventSchema = v.variant('type', [person, personRemoved, face, faceRemoved]);
export type GalleryEvent = v.InferOutput<typeof EventSchema>;
export type FaceEvent = v.InferOutput<typeof face>;

const HeaderSchema = v.object({
  v: v.literal(1),
  events: v.array(v.variant('type', [person, personRemoved, storedFace, faceRemoved])),
});

/**
 * A segment: the length of the header (4 bytes, little-endian), the header in JSON padded with blanks to a multiple of
 * four bytes, then all embeddings as little-endian float32.
 */
export function encodeSegment(events: readonly GalleryEvent[]): Uint8Array {
  let floats = 0;
  const stored = events.map(event => {
    if (event.type !== 'face') return event;
    const place = [floats, event.embedding.length];
    floats += event.embedding.length;
    return { ...event, embedding: place };
  });
  const json = JSON.stringify({ v: 1, events: stored });
  const header = new TextEncoder().encode(json + ' '.repeat((4 - (Buffer.byteLength(json) % 4)) % 4));
  const segment = new Uint8Array(4 + header.length + 4 * floats);
  new DataView(segment.buffer).setUint32(0, header.length, true);
  segment.set(header, 4);
  let at = 4 + header.length;
  for (const event of events) {
    if (event.type !== 'face') continue;
    const { buffer, byteOffset, byteLength } = event.embedding;
    segment.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return segment;
}

/** Throws Damaged for anything that `encodeSegment` did not write. */
export function decodeSegment(segment: Uint8Array): GalleryEvent[] {
  try {
    return decode(segment);
  } catch (error) {
    throw new Damaged(`gallery segment: ${messageOf(error)}`, { cause: error });
  }
}

function decode(segment: Uint8Array): GalleryEvent[] {
  const headerLength = new DataView(segment.buffer, segment.byteOffset, segment.byteLength).getUint32(
    0,
    true,
  );
  const header = new TextDecoder('utf-8', { fatal: true }).decode(segment.subarray(4, 4 + headerLength));
  const { events } = v.parse(HeaderSchema, JSON.parse(header));
  const floats = new Float32Array(segment.slice(4 + headerLength).buffer);
  return events.map(event => {
    if (event.type !== 'face') return event;
    const [offset, length] = event.embedding;
    const embedding = floats.slice(offset, offset + length);
    if (embedding.length !== length) throw new Error('shorter than its header says');
    return { ...event, embedding };
  });
}
