import { type JsonSchema, toJsonSchemaDefs } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { FaceSchema, ResultSchema } from '../../core/results.ts';
import { eventTypes, HookSchema } from '../../webhooks/hooks.ts';
import { scopes } from '../access/keys.ts';
import { SessionBodySchema } from '../access/session.ts';
import { ImageIdsSchema } from '../compreface/faces.ts';
import { SubjectSchema } from '../compreface/subjects.ts';
import { MergeBodySchema } from '../merge.ts';
import { PersonBodySchema } from '../people.ts';
import { WebhookBodySchema } from '../webhooks.ts';

const id = v.pipe(v.string(), v.uuid());

const Problem = v.looseObject({
  type: v.pipe(v.string(), v.regex(/^urn:facerec:problem:[a-z-]+$/)),
  title: v.string(),
  status: v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599)),
  detail: v.string(),
  instance: v.optional(v.string()),
});

const Queued = v.object({ id, status: v.literal('queued'), result: v.string() });
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const Image = v.object({ image_id: id, subject: v.string() });
const whole = v.pipe(v.number(), v.integer());
/** As CompreFace tells a face of a photo. */
const FoundFace = {
  box: v.object({ probability: v.number(), x_max: whole, y_max: whole, x_min: whole, y_min: whole }),
  landmarks: v.optional(v.array(v.array(whole))),
  execution_time: v.optional(v.record(v.string(), v.number())),
};
const likeness = { subject: v.string(), similarity: v.number() };
const plugins_versions = v.optional(v.record(v.string(), v.string()));

const Webhook = v.object({
  ...v.pick(HookSchema, ['id', 'url', 'events']).entries,
  secret: v.optional(HookSchema.entries.secret),
  createdAt: v.pipe(v.string(), v.isoTimestamp()),
});

const EnrolledFace = v.object({
  id,
  file: v.string(),
  quality: v.number(),
  model: v.string(),
  /** The first 32 hex digits of the SHA-256 of the photo's file. */
  digest: v.optional(v.string()),
});
/** A face that may be enrolled under the wrong person, or twice. */
const Warning = v.object({
  kind: v.picklist(['closer-to-another', 'near-duplicate']),
  face: id,
  other: v.object({
    person: v.string(),
    name: v.optional(v.string()),
    face: id,
    similarity: v.number(),
  }),
});
const Person = v.object({
  id: v.string(),
  name: v.string(),
  faces: v.array(EnrolledFace),
  warnings: v.optional(v.array(Warning)),
});

/** A request that failed too often. */
const DeadLetter = v.object({
  /** Of the request; of the message, where that cannot be read. */
  id: v.string(),
  file: v.optional(v.string()),
  kind: v.optional(v.string()),
  sentAt: v.pipe(v.string(), v.isoTimestamp()),
  /** Whether the photo is still there. */
  photo: v.boolean(),
  reason: v.optional(v.string()),
  detail: v.optional(v.string()),
});

/** What the API takes and answers, by the names that the document gives them. */
export const schemas = {
  Face: FaceSchema,
  Result: ResultSchema,
  Queued,
  ResultPage: v.object({ results: v.array(ResultSchema), next: v.optional(v.string()) }),
  Batch: v.object({
    queued: count,
    refused: count,
    files: v.array(
      v.variant('status', [
        v.object({ file: v.string(), ...Queued.entries }),
        v.object({ file: v.string(), status: v.literal('refused'), problem: Problem }),
      ]),
    ),
  }),
  EnrolledFace,
  Person,
  People: v.object({
    people: v.array(Person),
    /** Of a page: how many people fit, on all pages. */
    total: v.optional(count),
    next: v.optional(v.string()),
  }),
  PersonBody: PersonBodySchema,
  Links: v.object({
    service: v.literal('facerec'),
    version: v.optional(v.string()),
    links: v.record(v.string(), v.string()),
  }),
  Status: v.object({ status: v.picklist(['ok', 'ready']) }),
  SessionBody: SessionBodySchema,
  Access: v.object({
    access: v.picklist(['open', 'key', 'session']),
    key: v.optional(v.object({ id: v.string(), name: v.string(), scopes: v.array(v.picklist(scopes)) })),
  }),
  Problem,
  Webhook,
  Webhooks: v.object({ webhooks: v.array(Webhook) }),
  WebhookBody: WebhookBodySchema,
  Delivery: v.object({
    type: v.picklist(eventTypes),
    timestamp: v.pipe(v.string(), v.isoTimestamp()),
    data: ResultSchema,
  }),
  Subject: SubjectSchema,
  Subjects: v.object({ subjects: v.array(v.string()) }),
  Updated: v.object({ updated: v.boolean() }),
  Deleted: v.object({ deleted: count }),
  Image,
  Images: v.object({
    faces: v.array(Image),
    page_number: count,
    page_size: count,
    total_pages: count,
    total_elements: count,
  }),
  Base64Photo: v.object({ file: v.string() }),
  ImageIds: ImageIdsSchema,
  ImageList: v.array(Image),
  Recognition: v.object({
    result: v.array(v.object({ ...FoundFace, subjects: v.array(v.object(likeness)) })),
    plugins_versions,
  }),
  Detection: v.object({ result: v.array(v.object(FoundFace)), plugins_versions }),
  Verification: v.object({ result: v.array(v.object({ ...FoundFace, ...likeness })), plugins_versions }),
  MergeBody: MergeBodySchema,
  DeadLetters: v.object({ letters: v.array(DeadLetter) }),
  Replay: v.object({ queued: count }),
} as const satisfies Record<string, v.GenericSchema>;
export type SchemaName = keyof typeof schemas;

/** Rules that JSON Schema cannot express, such as those for names, are told in words. */
const settings = { target: 'draft-2020-12', errorMode: 'ignore', typeMode: 'input' } as const;

export function schemaRef(name: SchemaName): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** All of `schemas` as JSON Schema 2020-12, which is what OpenAPI 3.1 speaks. */
export function jsonSchemas(): Record<string, JsonSchema> {
  return toJsonSchemaDefs(schemas, {
    ...settings,
    overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
  });
}
