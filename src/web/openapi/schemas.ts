import { type JsonSchema, toJsonSchema, toJsonSchemaDefs } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { FaceSchema, ResultSchema } from '../../core/results.ts';
import { scopes } from '../access/keys.ts';
import { SessionBodySchema } from '../access/session.ts';
import { PersonBodySchema } from '../people.ts';

const id = v.pipe(v.string(), v.uuid());

const EnrolledFace = v.object({ id, file: v.string(), quality: v.number(), model: v.string() });
const Person = v.object({ id: v.string(), name: v.string(), faces: v.array(EnrolledFace) });

/** What the API takes and answers, by the names that the document gives them. */
export const schemas = {
  Face: FaceSchema,
  Result: ResultSchema,
  Queued: v.object({ id, status: v.literal('queued'), result: v.string() }),
  EnrolledFace,
  Person,
  People: v.object({ people: v.array(Person) }),
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
  Problem: v.looseObject({
    type: v.pipe(v.string(), v.regex(/^urn:facerec:problem:[a-z-]+$/)),
    title: v.string(),
    status: v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599)),
    detail: v.string(),
    instance: v.optional(v.string()),
  }),
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

/** Of one that needs no name. */
export function jsonSchema(schema: v.GenericSchema): JsonSchema {
  const { $schema: _, ...rest } = toJsonSchema(schema, settings);
  return rest;
}
