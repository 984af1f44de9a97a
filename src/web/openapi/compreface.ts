import type { JsonSchema } from '@valibot/to-json-schema';
import {
  type Answer,
  idempotencyKey,
  idempotencyProblems,
  jpeg,
  json,
  notModified,
  type Operations,
  type Parameter,
  pathParameter,
  photoForm,
  REQUEST_ID,
  uploadProblems,
} from './operation.ts';

const BASE = '/api/v1/recognition';
const tag = 'compreface';

const query = (name: string, description: string, schema: JsonSchema, required = false): Parameter => ({
  ...{ name, in: 'query', required, description, schema },
});
const subjectParameter = pathParameter('subject', 'Name of the subject.', 'Ada Lovelace');
const subject = { subject: 'Ada Lovelace' };
const image = { image_id: REQUEST_ID, ...subject };
const form = photoForm('file');
const body = { ...form, content: { ...form.content, ...json('Base64Photo', { file: '/9j/4AAQSkZJRg…' }) } };
const problems = [
  ...uploadProblems,
  ...idempotencyProblems,
  ...(['invalid-json', 'invalid-query', 'no-face-found', 'photo-failed'] as const),
] as const;
/** What can be asked about the faces that are found. */
const found: readonly Parameter[] = [
  query('limit', 'Most faces told; 0 tells all.', { type: 'integer', minimum: 0 }),
  query('det_prob_threshold', 'Least confidence that it is a face.', {
    type: 'number',
    minimum: 0,
    maximum: 1,
  }),
  query('face_plugins', '`landmarks` is known here.', { type: 'string' }),
  query('status', 'Whether times and versions are told.', { type: 'boolean' }),
];
const box = { probability: 1, x_max: 638, y_max: 713, x_min: 458, y_min: 502 };
const likeness = { ...subject, similarity: 0.98241 };
const imageParameter = pathParameter('image', 'Its image_id.', REQUEST_ID);
const picture: Answer = {
  description: 'The picture; no bytes, as `application/octet-stream`, where there is none.',
  content: { ...jpeg, 'application/octet-stream': { schema: { type: 'string' } } },
};
const subjectProblems = ['invalid-json', 'invalid-person-name', 'too-large'] as const;

/** For clients of CompreFace; errors hold its `message` and `code` beside what problem details have. */
export const compreface: Operations = {
  [`POST ${BASE}/recognize`]: {
    id: 'comprefaceRecognize',
    tag,
    summary: 'Recognise the faces in a photo',
    description:
      'Subjects are told where the similarity reaches the threshold of this server, which is 0.5 on the scale of this answer. One subject a face is told.',
    parameters: [
      ...found,
      query('prediction_count', 'Taken, and not heeded.', { type: 'integer', minimum: 1 }),
      idempotencyKey,
    ],
    body,
    answers: {
      200: {
        description: 'The faces.',
        content: json('Recognition', { result: [{ box, subjects: [likeness] }] }),
      },
    },
    problems,
  },
  [`GET ${BASE}/subjects`]: {
    id: 'comprefaceSubjects',
    tag,
    summary: 'Names of all people',
    answers: { 200: { description: 'All.', content: json('Subjects', { subjects: ['Ada Lovelace'] }) } },
  },
  [`POST ${BASE}/subjects`]: {
    id: 'comprefaceAddSubject',
    tag,
    summary: 'Add a subject, unless there is one of that name',
    body: { required: true, content: json('Subject', subject) },
    answers: { 201: { description: 'Is there.', content: json('Subject', subject) } },
    problems: subjectProblems,
  },
  [`DELETE ${BASE}/subjects`]: {
    id: 'comprefaceDeleteSubjects',
    tag,
    summary: 'Delete everybody',
    answers: { 200: { description: 'Deleted.', content: json('Deleted', { deleted: 2 }) } },
    problems: ['changed-meanwhile'],
  },
  [`PUT ${BASE}/subjects/:subject`]: {
    id: 'comprefaceRenameSubject',
    tag,
    summary: 'Rename a subject',
    description:
      'Where there is a subject of that name, the two become one: the faces get the new name, and new ids.',
    parameters: [subjectParameter],
    body: { required: true, content: json('Subject', subject) },
    answers: { 200: { description: 'Renamed.', content: json('Updated', { updated: true }) } },
    problems: [...subjectProblems, 'unknown-person', 'changed-meanwhile'],
  },
  [`DELETE ${BASE}/subjects/:subject`]: {
    id: 'comprefaceDeleteSubject',
    tag,
    summary: 'Delete a subject with all faces',
    parameters: [subjectParameter],
    answers: { 200: { description: 'Deleted.', content: json('Subject', subject) } },
    problems: ['unknown-person', 'changed-meanwhile'],
  },
  [`GET ${BASE}/faces`]: {
    id: 'comprefaceFaces',
    tag,
    summary: 'Enrolled faces, by page',
    parameters: [
      query('page', 'From 0.', { type: 'integer', minimum: 0, default: 0 }),
      query('size', 'Faces a page.', { type: 'integer', minimum: 1, maximum: 1000, default: 20 }),
      query('subject', 'Of this one only.', { type: 'string' }),
    ],
    answers: {
      200: {
        description: 'A page.',
        content: json('Images', {
          faces: [image],
          page_number: 0,
          page_size: 20,
          total_pages: 1,
          total_elements: 1,
        }),
      },
    },
    problems: ['invalid-query'],
  },
  [`POST ${BASE}/faces`]: {
    id: 'comprefaceAddFace',
    tag,
    summary: 'Enrol a face of a subject, which is added where it is not there',
    parameters: [
      query('subject', 'Name of the subject.', { type: 'string' }, true),
      query('det_prob_threshold', 'Taken, and not heeded: enrolment measures faces by itself.', {
        type: 'number',
      }),
      idempotencyKey,
    ],
    body,
    answers: { 201: { description: 'Enrolled.', content: json('Image', image) } },
    problems: [...problems, 'invalid-person-name'],
  },
  [`DELETE ${BASE}/faces`]: {
    id: 'comprefaceDeleteFaces',
    tag,
    summary: 'Delete all faces of a subject, or of everybody',
    parameters: [query('subject', 'Without it, of everybody.', { type: 'string' })],
    answers: { 200: { description: 'Deleted.', content: json('Deleted', { deleted: 3 }) } },
    problems: ['unknown-person'],
  },
  [`DELETE ${BASE}/faces/:image`]: {
    id: 'comprefaceDeleteFace',
    tag,
    summary: 'Delete a face',
    parameters: [imageParameter],
    answers: { 200: { description: 'Deleted.', content: json('Image', image) } },
    problems: ['unknown-face'],
  },
  [`POST ${BASE}/faces/delete`]: {
    id: 'comprefaceDeleteSomeFaces',
    tag,
    summary: 'Delete faces by id',
    description: 'Ids of no face are passed over.',
    body: { required: true, content: json('ImageIds', [REQUEST_ID]) },
    answers: { 200: { description: 'Those that were deleted.', content: json('ImageList', [image]) } },
    problems: ['invalid-json', 'too-large'],
  },
  [`GET ${BASE}/faces/:image/img`]: {
    id: 'comprefaceImage',
    tag,
    summary: 'The picture of a face',
    parameters: [imageParameter],
    answers: { 200: picture, 304: notModified },
  },
  'GET /api/v1/static/:key/images/:image': {
    id: 'comprefaceStaticImage',
    tag,
    summary: 'The picture of a face, for a page that can send no key',
    description: 'The key is in the address, which proxies and browsers may remember: give one of its own.',
    parameters: [pathParameter('key', 'A key of scope `people`.', 'facerec_…'), imageParameter],
    answers: { 200: picture, 304: notModified },
  },
  [`POST ${BASE}/faces/:image/verify`]: {
    id: 'comprefaceVerify',
    tag,
    summary: 'Compare the faces in a photo with an enrolled face',
    description: 'A similarity of 0.5 is the threshold of this server.',
    parameters: [imageParameter, ...found, idempotencyKey],
    body,
    answers: {
      200: {
        description: 'The faces.',
        content: json('Verification', { result: [{ box, ...likeness }] }),
      },
    },
    problems: [...problems, 'unknown-face'],
  },
  'POST /api/v1/detection/detect': {
    id: 'comprefaceDetect',
    tag,
    summary: 'Where the faces in a photo are',
    parameters: [...found, idempotencyKey],
    body,
    answers: { 200: { description: 'The faces.', content: json('Detection', { result: [{ box }] }) } },
    problems,
  },
};
