import * as v from 'valibot';
import type { Embedding } from '../core/embedding.ts';
import { PersonIdSchema, PersonNameSchema } from '../core/people.ts';

/** A UUID of version 7 in lower case: sorts by time. It orders changes that arrive in any order. */
export const StampSchema = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
);

export const PersonSchema = v.object({
  type: v.literal('person'),
  person: PersonIdSchema,
  name: PersonNameSchema,
  at: StampSchema,
});
export const PersonRemovedSchema = v.object({
  type: v.literal('person-removed'),
  person: PersonIdSchema,
  at: StampSchema,
});
export const FaceRemovedSchema = v.object({
  type: v.literal('face-removed'),
  face: StampSchema,
  at: StampSchema,
});

export const faceFields = {
  type: v.literal('face'),
  person: PersonIdSchema,
  /** Id of the enrolment request: the time at which it was asked for. */
  face: StampSchema,
  /** File name of the enrolled photo. */
  file: v.string(),
  /** Id of the models that made the embedding. */
  model: v.string(),
  /** Norm of the raw embedding, to seven digits. */
  quality: v.number(),
  /** The first 32 hex digits of the SHA-256 of the photo's file; older enrolments have none. */
  digest: v.optional(v.string()),
};
const face = v.object({ ...faceFields, embedding: v.custom<Embedding>(() => true) });

export type FaceEvent = v.InferOutput<typeof face>;
/** A face without its embedding. */
export type FaceDescription = Omit<FaceEvent, 'embedding' | 'type'>;
export type GalleryEvent =
  | v.InferOutput<typeof PersonSchema>
  | v.InferOutput<typeof PersonRemovedSchema>
  | v.InferOutput<typeof FaceRemovedSchema>
  | FaceEvent;
