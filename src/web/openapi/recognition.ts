import { recognised } from './examples.ts';
import {
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

export const recognition: Operations = {
  'POST /': {
    id: 'recognise',
    tag: 'recognition',
    summary: 'Take a photo and name the faces in it',
    description:
      'Answers at once, unless the client asks to wait or the server is set to answer with results (FACEREC_REPLY=result).',
    parameters: [...waitParameters, thresholdParameter],
    body: photoForm('inputFile', { threshold }),
    answers: { 200: result, 202: queuedAnswer },
    problems: [...uploadProblems, 'invalid-wait', 'invalid-threshold', 'photo-failed'],
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
