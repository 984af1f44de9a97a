import * as v from 'valibot';
import { reasons } from './errors.ts';
import { parseJsonBytes } from './json.ts';

const similarity = v.pipe(v.number(), v.minValue(-1.001), v.maxValue(1.001));

/** A point in pixels of the upright image: [x, y]. */
const point = v.pipe(v.tuple([v.number(), v.number()]), v.readonly());

/** [x, y, width, height] in pixels of the upright image (EXIF orientation applied). */
const box = v.pipe(v.tuple([v.number(), v.number(), v.number(), v.number()]), v.readonly());

export const FaceSchema = v.object({
  box,
  /** The detector's confidence, 0 to 1. */
  score: v.number(),
  /** Left eye, right eye, nose, left and right corner of the mouth, as seen in the image. */
  landmarks: v.pipe(v.array(point), v.length(5), v.readonly()),
  /** Norm of the raw embedding: below about 2.4 it is hardly a face. */
  quality: v.number(),
  /** Id of the person, only where the similarity reaches the threshold. */
  person: v.optional(v.string()),
  /** The person's name, or `unknown`. */
  label: v.string(),
  /** Cosine similarity to the most similar enrolled face; null while nobody is enrolled. */
  similarity: v.nullable(similarity),
  /** How much more similar than the most similar face of any other person; null while there is no other. */
  margin: v.nullable(v.number()),
  /** Cosine similarity to the enrolled face that the request named, where it named one. */
  against: v.optional(similarity),
});
export type Face = v.InferOutput<typeof FaceSchema>;

/** Milliseconds by stage; `total` from receipt of the message to the finished result. */
export const TimingsSchema = v.record(v.string(), v.number());

const common = {
  id: v.pipe(v.string(), v.uuid()),
  file: v.string(),
  /** W3C trace id of the upload: 32 hexadecimal digits. */
  trace: v.optional(v.string()),
};

const failed = v.object({
  ...common,
  status: v.literal('failed'),
  reason: v.picklist(reasons),
  /** The reason in a sentence. */
  detail: v.string(),
});

const recognised = v.object({
  ...common,
  status: v.literal('done'),
  /** Name of the most prominent face that has one; `unknown`, or `no-face` where there is no face. */
  label: v.string(),
  image: v.object({ width: v.number(), height: v.number() }),
  /** The most prominent first. */
  faces: v.array(FaceSchema),
  threshold: v.number(),
  model: v.string(),
  timings: TimingsSchema,
});

const enrolled = v.object({
  ...common,
  status: v.literal('done'),
  person: v.string(),
  /** Id of the enrolled face, for `DELETE /people/:id/faces/:face`. */
  face: v.string(),
  quality: v.number(),
  box,
  model: v.string(),
  timings: TimingsSchema,
});

/** What the output store holds for a request, and what clients receive. */
export const ResultSchema = v.union([recognised, enrolled, failed]);
export type Result = v.InferOutput<typeof ResultSchema>;
export type Recognised = v.InferOutput<typeof recognised>;
export type Enrolled = v.InferOutput<typeof enrolled>;
export type Failed = v.InferOutput<typeof failed>;

/** undefined for anything that is no result. */
export function parseResult(body: Uint8Array): Result | undefined {
  return parseJsonBytes(ResultSchema, body);
}

export const UNKNOWN = 'unknown';
export const NO_FACE = 'no-face';
