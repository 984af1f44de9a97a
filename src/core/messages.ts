import * as v from 'valibot';
import { FileNameSchema, stemOf } from './fileName.ts';
import { PersonIdSchema } from './people.ts';
import { TraceParentSchema } from './trace.ts';

/** Ids are UUIDs of version 7: they carry the time of the request, which orders changes of the gallery. */
export const RequestIdSchema = v.pipe(v.string(), v.uuid());

/** ms since the epoch, of a UUID of version 7. */
export function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 13).replace('-', ''), 16);
}

const common = {
  v: v.literal(1),
  id: RequestIdSchema,
  file: FileNameSchema,
  /** W3C trace context of the upload. */
  trace: v.optional(TraceParentSchema),
};

export const ThresholdSchema = v.pipe(v.number(), v.minValue(-1), v.maxValue(1));

const recognise = v.strictObject({
  ...common,
  kind: v.literal('recognise'),
  threshold: v.optional(ThresholdSchema),
  /** An enrolled face, to which the similarity of each face is told. */
  against: v.optional(RequestIdSchema),
});
const pixels = v.pipe(v.number(), v.integer(), v.minValue(-99_999), v.maxValue(99_999));
const size = v.pipe(pixels, v.minValue(1));

/** Where a face is, [x, y, width, height] in whole pixels of the upright photo. */
export const BoxSchema = v.pipe(v.strictTuple([pixels, pixels, size, size]), v.readonly());

const enrol = v.strictObject({
  ...common,
  kind: v.literal('enrol'),
  person: PersonIdSchema,
  /** The face that is meant; without it the photo must show one person only. */
  box: v.optional(BoxSchema),
});

/** A message of the request queue. It names the photo; the bytes are in the input store. */
export const RequestSchema = v.variant('kind', [recognise, enrol]);
export type Request = v.InferOutput<typeof RequestSchema>;
export type RecogniseRequest = v.InferOutput<typeof recognise>;
export type EnrolRequest = v.InferOutput<typeof enrol>;

/** A message of the response queue: the result of this request is in the output store. */
export const CompletionSchema = v.strictObject({ v: v.literal(1), id: RequestIdSchema });
export type Completion = v.InferOutput<typeof CompletionSchema>;

export function inputKey(request: { id: string; file: string }): string {
  return `${request.id}/${request.file}`;
}

/** A function of the request alone, so that a second run overwrites the first with the same answer. */
export function resultKey(request: { id: string; file: string }): string {
  return `${request.id}/${stemOf(request.file)}.json`;
}

/** JSON in ASCII, under 1 KiB for every request that the schemas allow: fits the smallest SQS queue. */
export function encodeMessage(message: Request | Completion): string {
  return JSON.stringify(message).replace(
    /[\u007f-\uffff]/g,
    c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The request in a message body, or the first reason why it is none. */
export function parseRequest(body: string): { request: Request } | { problem: string } {
  return parse(RequestSchema, body, request => ({ request }));
}

export function parseCompletion(body: string): { completion: Completion } | { problem: string } {
  return parse(CompletionSchema, body, completion => ({ completion }));
}

function parse<S extends v.GenericSchema, R>(
  schema: S,
  body: string,
  wrap: (output: v.InferOutput<S>) => R,
): R | { problem: string } {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { problem: 'not JSON' };
  }
  const parsed = v.safeParse(schema, json);
  if (parsed.success) return wrap(parsed.output);
  const issue = parsed.issues[0];
  return { problem: `${v.getDotPath(issue) ?? 'message'}: expected ${issue.expected ?? 'another value'}` };
}
