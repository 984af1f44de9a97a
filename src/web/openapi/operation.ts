import type { JsonSchema } from '@valibot/to-json-schema';
import type { ProblemSlug } from '../problem.ts';
import { type SchemaName, schemaRef } from './schemas.ts';

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly description: string;
  readonly schema: JsonSchema;
  readonly example?: unknown;
}

export interface Media {
  readonly schema: JsonSchema;
  readonly example?: unknown;
}

export interface Answer {
  readonly description: string;
  /** By media type; nothing for an empty answer. */
  readonly content?: Readonly<Record<string, Media>>;
  /** Headers that are always set, and what they say. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** One method of one route, as `/openapi.json` tells it. */
export interface Operation {
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly body?: { readonly required: boolean; readonly content: Readonly<Record<string, Media>> };
  readonly answers: Readonly<Record<number, Answer>>;
  /** Beside those that every route may answer with. */
  readonly problems?: readonly ProblemSlug[];
}

/** Operations by method and route as declared, such as `PUT /people/:id`. */
export type Operations = Readonly<Record<`${string} /${string}`, Operation>>;

export function json(name: SchemaName, example?: unknown): Readonly<Record<string, Media>> {
  return { 'application/json': { schema: schemaRef(name), ...(example !== undefined && { example }) } };
}

export const notModified: Answer = { description: 'It is the one that `If-None-Match` names.' };

export const jpeg: Readonly<Record<string, Media>> = {
  'image/jpeg': { schema: { type: 'string', contentMediaType: 'image/jpeg' } },
};

/** A form with one photo in `field`, and text fields. */
export function photoForm(
  field: string,
  more: Readonly<Record<string, JsonSchema>> = {},
): { readonly required: true; readonly content: Readonly<Record<string, Media>> } {
  const photo = { type: 'string', contentMediaType: 'application/octet-stream' } as const;
  const properties = { [field]: photo, ...more };
  const schema: JsonSchema = { type: 'object', required: [field], properties };
  return { required: true, content: { 'multipart/form-data': { schema } } };
}

export const REQUEST_ID = '01a20812-6dd0-741c-81f4-70b3041f194b';

export const queuedAnswer: Answer = {
  description: 'Stored and queued: the result is to be asked for at the address in `Location`.',
  content: json('Queued', { id: REQUEST_ID, status: 'queued', result: `/results/${REQUEST_ID}` }),
  headers: { location: 'Where the result will be', 'retry-after': 'Seconds after which to ask' },
};

export const waitParameters: readonly Parameter[] = [
  {
    name: 'wait',
    in: 'query',
    description: 'Seconds to wait for the result; goes before `Prefer`.',
    schema: { type: 'integer', minimum: 0, maximum: 300 },
    example: 30,
  },
  {
    name: 'Prefer',
    in: 'header',
    description: '`wait=SECONDS` (RFC 7240).',
    schema: { type: 'string' },
    example: 'wait=30',
  },
];

export function pathParameter(name: string, description: string, example: string): Parameter {
  return { name, in: 'path', required: true, description, schema: { type: 'string' }, example };
}

export const idempotencyKey: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'The same key with the same content within 24 hours is the same request: it gets the same id. With other content it is refused.',
  schema: { type: 'string', minLength: 1, maxLength: 257 },
  example: '8e03978e-40d5-43dd-bc93-6894a57f9324',
};

export const idempotencyProblems = [
  'invalid-idempotency-key',
  'idempotency-key-reused',
  'idempotency-key-busy',
] as const satisfies readonly ProblemSlug[];

export const uploadProblems = [
  'not-multipart',
  'malformed-multipart',
  'missing-file',
  'several-files',
  'not-a-file',
  'empty-file',
  'invalid-file-name',
  'too-large',
  'unsupported-format',
  'busy',
] as const satisfies readonly ProblemSlug[];
