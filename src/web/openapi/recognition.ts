import type { JsonSchema } from '@valibot/to-json-schema';
import { recognised } from './examples.ts';
import {
  idempotencyKey,
  idempotencyProblems,
  json,
  type Operations,
  type Parameter,
  pathParameter,
  photoForm,
  queuedAnswer,
  REQUEST_ID,
  uploadProblems,
  waitParameters,
} from './operation.ts';

const threshold = { type: 'number', minimum: -1, maximum: 1 } as const;
const thresholdParameter: Parameter = {
  name: 'threshold',
  in: 'query',
  description: 'Least cosine similarity at which a face of this photo is named.',
  schema: threshold,
  example: 0.45,
};

const result = {
  description: 'The result: `done`, or `failed` with the reason. In plain text `<stem>:<label>`.',
  content: {
    ...json('Result', recognised),
    'text/plain': { schema: { type: 'string' as const }, example: 'photo:Ada Lovelace' },
  },
};

const query = (name: string, description: string, schema: JsonSchema, example: unknown): Parameter => ({
  ...{ name, in: 'query', description, schema, example },
});

export const recognition: Operations = {
  'POST /': {
    id: 'recognise',
    tag: 'recognition',
    summary: 'Take a photo and name the faces in it',
    description:
      'Answers at once, unless the client asks to wait or the server is set to answer with results (FACEREC_REPLY=result).',
    parameters: [...waitParameters, thresholdParameter, idempotencyKey],
    body: photoForm('inputFile', { threshold }),
    answers: { 200: result, 202: queuedAnswer },
    problems: [
      ...uploadProblems,
      ...idempotencyProblems,
      'invalid-wait',
      'invalid-threshold',
      'photo-failed',
    ],
  },
  'POST /batch': {
    id: 'recogniseMany',
    tag: 'recognition',
    summary: 'Take many photos at once',
    description:
      'Photos in fields `inputFile`, zip files of photos among them, or one zip file as the body: at most 1,000 files, each of them accepted or refused for itself. Directories and hidden files in a zip file are left out, paths are cut off.',
    parameters: [thresholdParameter, idempotencyKey],
    body: {
      required: true,
      content: {
        'multipart/form-data': {
          schema: {
            type: 'object',
            required: ['inputFile'],
            properties: {
              inputFile: {
                type: 'array',
                items: { type: 'string', contentMediaType: 'application/octet-stream' },
              },
              threshold,
            },
          },
        },
        'application/zip': { schema: { type: 'string', contentMediaType: 'application/zip' } },
      },
    },
    answers: {
      202: {
        description: 'At least one photo is stored and queued.',
        content: json('Batch', {
          queued: 1,
          refused: 1,
          files: [
            { file: 'ada.jpg', status: 'queued', id: REQUEST_ID, result: `/results/${REQUEST_ID}` },
            {
              file: 'notes.txt',
              status: 'refused',
              problem: {
                type: 'urn:facerec:problem:unsupported-format',
                title: 'This is neither JPEG, PNG nor WebP',
                status: 415,
                detail: 'Send a JPEG, PNG or WebP file; its first bytes are what counts.',
              },
            },
          ],
        }),
        headers: { 'retry-after': 'Seconds after which to ask' },
      },
    },
    problems: [
      ...idempotencyProblems,
      ...(['not-batch', 'malformed-multipart', 'invalid-zip', 'too-many-files', 'empty-batch'] as const),
      ...(['nothing-accepted', 'too-large', 'invalid-threshold', 'busy'] as const),
    ],
  },
  'GET /results': {
    id: 'results',
    tag: 'recognition',
    summary: 'What is stored, the newest first, a page at a time',
    description:
      'Follow `Link: …; rel="next"` or give `next` as the cursor; a page may hold fewer than asked for, and the last one has no next. Cursors stay good while results come and go.',
    parameters: [
      query(
        'limit',
        'Most results on the page.',
        { type: 'integer', minimum: 1, maximum: 100, default: 20 },
        20,
      ),
      query('cursor', '`next` of the page before.', { type: 'string', format: 'uuid' }, REQUEST_ID),
      query('status', 'Only those.', { enum: ['done', 'failed'] }, 'done'),
      query('person', 'Only those in which this person was found or enrolled.', { type: 'string' }, 'ada'),
    ],
    answers: {
      200: {
        description: 'A page.',
        content: json('ResultPage', { results: [recognised], next: REQUEST_ID }),
      },
    },
    problems: ['invalid-page'],
  },
  'GET /results/:id': {
    id: 'result',
    tag: 'recognition',
    summary: 'The result of a request',
    parameters: [
      pathParameter('id', 'The id that the upload was answered with.', REQUEST_ID),
      ...waitParameters,
    ],
    answers: { 200: result, 202: queuedAnswer },
    problems: ['invalid-wait', 'unknown-result', 'expired', 'photo-failed'],
  },
};
