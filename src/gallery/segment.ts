import * as v from 'valibot';
import { pack } from '../core/embedding.ts';
import { Damaged, messageOf } from '../core/errors.ts';
import { PersonIdSchema } from '../core/people.ts';
import {
  type FaceEvent,
  FaceRemovedSchema,
  faceFields,
  type GalleryEvent,
  PersonRemovedSchema,
  PersonSchema,
} from './events.ts';

const change = [PersonSchema, PersonRemovedSchema, FaceRemovedSchema] as const;
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** The faces of one model. Their columns lie behind the header: see `Columns`. */
const FacesSchema = v.object({
  model: v.string(),
  dimensions: count,
  /** The people whose faces follow. */
  people: v.array(PersonIdSchema),
  /** File names; as many as there are faces. */
  files: v.array(v.string()),
});
const HeaderSchema = v.object({
  v: v.literal(2),
  changes: v.array(v.variant('type', change)),
  faces: v.array(FacesSchema),
});

/** What version 1 stored: all events in JSON, `embedding` as [offset, length] in float32 of the block behind the header. */
const OldHeaderSchema = v.object({
  v: v.literal(1),
  events: v.array(
    v.variant('type', [...change, v.object({ ...faceFields, embedding: v.tuple([v.number(), v.number()]) })]),
  ),
});

/**
 * Version 2 of a segment: the length of the header (4 bytes, little-endian), the header in JSON padded with blanks to a
 * multiple of four bytes, then for each model the columns of its faces: ids and digests (16 bytes each), whose face it is
 * (uint32, a place in `people`), quality and scale (float32), and the numbers of the embeddings (int8); padded likewise.
 */
export function encodeSegment(events: readonly GalleryEvent[]): Uint8Array {
  const groups = new Map<string, FaceEvent[]>();
  const changes: GalleryEvent[] = [];
  for (const event of events) {
    if (event.type !== 'face') {
      changes.push(event);
      continue;
    }
    const name = `${event.embedding.values.length} ${event.model}`;
    const group = groups.get(name);
    if (group) group.push(event);
    else groups.set(name, [event]);
  }
  const faces = [...groups.values()].map(group => ({
    model: group[0]!.model,
    dimensions: group[0]!.embedding.values.length,
    people: [...new Set(group.map(({ person }) => person))],
    files: group.map(({ file }) => file),
  }));
  const json = JSON.stringify({ v: 2, changes, faces });
  const header = new TextEncoder().encode(json + ' '.repeat(padding(Buffer.byteLength(json))));
  const blocks = [...groups.values()].map((group, i) => encodeFaces(group, faces[i]!.people));
  const length = new Uint8Array(new Uint32Array([header.length]).buffer);
  return Buffer.concat([length, header, ...blocks]);
}

/** Throws Damaged for anything that `encodeSegment` did not write, now or in an earlier version. */
export function decodeSegment(segment: Uint8Array): GalleryEvent[] {
  try {
    const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);
    const headerLength = view.getUint32(0, true);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(segment.subarray(4, 4 + headerLength));
    const json: unknown = JSON.parse(text);
    const block = segment.subarray(4 + headerLength);
    if (v.is(v.object({ v: v.literal(1) }), json)) return decodeOld(v.parse(OldHeaderSchema, json), block);
    const { changes, faces } = v.parse(HeaderSchema, json);
    const events: GalleryEvent[] = [...changes];
    let at = 0;
    for (const group of faces) at = decodeFaces(group, block, at, events);
    if (at !== block.length) throw new Error('longer than its header says');
    return events;
  } catch (error) {
    throw new Damaged(`gallery segment: ${messageOf(error)}`, { cause: error });
  }
}

const padding = (bytes: number) => (4 - (bytes % 4)) % 4;

/** Where the columns of `faces` faces begin, in bytes of their block, and where it ends. */
function columns(faces: number, dimensions: number) {
  const digests = 16 * faces;
  const owners = digests + 16 * faces;
  const qualities = owners + 4 * faces;
  const scales = qualities + 4 * faces;
  const values = scales + 4 * faces;
  const end = values + faces * dimensions;
  return { digests, owners, qualities, scales, values, end: end + padding(end) };
}

function encodeFaces(faces: readonly FaceEvent[], people: readonly string[]): Buffer {
  const dimensions = faces[0]!.embedding.values.length;
  const { digests, owners, qualities, scales, values, end } = columns(faces.length, dimensions);
  const block = Buffer.alloc(end);
  const places = new Map(people.map((person, i) => [person, i]));
  for (const [i, { face, digest, person, quality, embedding }] of faces.entries()) {
    block.write(face.replaceAll('-', ''), 16 * i, 'hex');
    if (digest !== undefined) block.write(digest, digests + 16 * i, 'hex');
    block.writeUInt32LE(places.get(person)!, owners + 4 * i);
    block.writeFloatLE(quality, qualities + 4 * i);
    block.writeFloatLE(embedding.scale, scales + 4 * i);
    block.set(
      new Uint8Array(embedding.values.buffer, embedding.values.byteOffset, dimensions),
      values + i * dimensions,
    );
  }
  return block;
}

const NO_DIGEST = '0'.repeat(32);

/** Adds the faces to `events`; their embeddings are views of the block. Returns where the next block begins. */
function decodeFaces(
  { model, dimensions, people, files }: v.InferOutput<typeof FacesSchema>,
  bytes: Uint8Array,
  start: number,
  events: GalleryEvent[],
): number {
  const { digests, owners, qualities, scales, values, end } = columns(files.length, dimensions);
  if (start + end > bytes.length) throw new Error('shorter than its header says');
  const block = Buffer.from(bytes.buffer, bytes.byteOffset + start, end);
  for (const [i, file] of files.entries()) {
    const person = people[block.readUInt32LE(owners + 4 * i)];
    if (person === undefined) throw new Error('a face of nobody');
    const digest = block.toString('hex', digests + 16 * i, digests + 16 * i + 16);
    events.push({
      type: 'face',
      person,
      face: uuid(block.toString('hex', 16 * i, 16 * i + 16)),
      file,
      model,
      quality: Number(block.readFloatLE(qualities + 4 * i).toPrecision(7)),
      ...(digest !== NO_DIGEST && { digest }),
      embedding: {
        scale: block.readFloatLE(scales + 4 * i),
        values: new Int8Array(bytes.buffer, block.byteOffset + values + i * dimensions, dimensions),
      },
    });
  }
  return start + end;
}

const uuid = (hex: string) =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;

function decodeOld({ events }: v.InferOutput<typeof OldHeaderSchema>, block: Uint8Array): GalleryEvent[] {
  // Copied, because it has to begin at a multiple of four bytes.
  const floats = new Float32Array(new Uint8Array(block).buffer, 0, Math.floor(block.length / 4));
  return events.map(event => {
    if (event.type !== 'face') return event;
    const [offset, length] = event.embedding;
    const embedding = floats.subarray(offset, offset + length);
    if (embedding.length !== length) throw new Error('shorter than its header says');
    return { ...event, embedding: pack(embedding) };
  });
}
