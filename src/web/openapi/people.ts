import { enrolled, face, person } from './examples.ts';
import {
  idempotencyKey,
  idempotencyProblems,
  jpeg,
  json,
  notModified,
  type Operations,
  type Parameter,
  pathParameter,
  photoForm,
  queuedAnswer,
  REQUEST_ID,
  uploadProblems,
  waitParameters,
} from './operation.ts';

const id = pathParameter(
  'id',
  'Any text of 1 to 64 bytes without colon, slash and control characters.',
  'ada',
);
const faceId = pathParameter('face', 'Id of the request that enrolled it.', REQUEST_ID);

const box: Parameter = {
  name: 'box',
  in: 'query',
  description:
    'Which face of the photo is meant: x,y,width,height in pixels of the upright image, as a result tells it. May come as a field of the form instead.',
  schema: { type: 'string' },
  example: '120,80,64,64',
};

export const people: Operations = {
  'GET /people': {
    id: 'people',
    tag: 'people',
    summary: 'Everybody who is known, or a page of them',
    description:
      'Without parameters it is everybody, in the order of their ids. With any of them it is a page in the order of names, which tells how many people there are on all pages (`total`) and, unless it is the last one, where the next begins (`next`, and `Link` with `rel="next"`).',
    parameters: [
      {
        name: 'q',
        in: 'query',
        description:
          'Part of the name or id, in whatever case, with or without accents. Those whose names begin with it come first.',
        schema: { type: 'string' },
        example: 'lovel',
      },
      {
        name: 'limit',
        in: 'query',
        description: 'People a page.',
        schema: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
      },
      {
        name: 'cursor',
        in: 'query',
        description: '`next` of the page before, with the same `q`.',
        schema: { type: 'string' },
      },
    ],
    answers: {
      200: {
        description: 'Everybody, or a page.',
        content: json('People', { people: [person], total: 1 }),
      },
    },
    problems: ['invalid-page'],
  },
  'GET /people/:id': {
    id: 'person',
    tag: 'people',
    summary: 'One person',
    parameters: [id],
    answers: { 200: { description: 'The person.', content: json('Person', person) } },
    problems: ['unknown-person'],
  },
  'PUT /people/:id': {
    id: 'putPerson',
    tag: 'people',
    summary: 'Add or rename a person',
    description: 'Without a body, a new person has the id for a name, and a known one keeps theirs.',
    parameters: [id],
    body: { required: false, content: json('PersonBody', { name: 'Ada Lovelace' }) },
    answers: {
      200: { description: 'Was known already.', content: json('Person', person) },
      201: {
        description: 'Is new.',
        content: json('Person', { ...person, faces: [] }),
        headers: { location: 'Address of the person' },
      },
    },
    problems: ['invalid-person-id', 'invalid-person-name', 'invalid-json', 'too-large', 'changed-meanwhile'],
  },
  'DELETE /people/:id': {
    id: 'deletePerson',
    tag: 'people',
    summary: 'Delete a person with faces, embeddings and enrolled photos',
    parameters: [id],
    answers: { 204: { description: 'Deleted.' } },
    problems: ['unknown-person', 'changed-meanwhile'],
  },
  'POST /people/:id/faces': {
    id: 'enrol',
    tag: 'people',
    summary: 'Enrol a face: a photo of this person alone, or of several people with the place of the face',
    parameters: [id, box, ...waitParameters, idempotencyKey],
    body: photoForm('inputFile'),
    answers: {
      201: {
        description: 'Enrolled.',
        content: json('Result', enrolled),
        headers: { location: 'Address of the face' },
      },
      202: queuedAnswer,
    },
    problems: [
      ...uploadProblems,
      ...idempotencyProblems,
      'invalid-wait',
      'invalid-box',
      'unknown-person',
      'photo-failed',
    ],
  },
  'POST /people/:id/merge': {
    id: 'mergePeople',
    tag: 'people',
    summary: 'Two entries that are one person',
    description:
      'The faces of `from` become faces of this person, with new ids; then `from` is deleted as `DELETE /people/:id` does it, with its photos and the results that name it.',
    parameters: [id],
    body: { required: true, content: json('MergeBody', { from: 'ada-2' }) },
    answers: { 200: { description: 'The person, with all faces.', content: json('Person', person) } },
    problems: ['unknown-person', 'invalid-merge', 'invalid-json', 'too-large', 'changed-meanwhile'],
  },
  'GET /people/:id/faces/:face': {
    id: 'face',
    tag: 'people',
    summary: 'One enrolled face',
    parameters: [id, faceId],
    answers: { 200: { description: 'The face.', content: json('EnrolledFace', face) } },
    problems: ['unknown-person', 'unknown-face'],
  },
  'GET /people/:id/faces/:face/photo': {
    id: 'facePhoto',
    tag: 'people',
    summary: 'The picture of an enrolled face',
    description:
      'The face with some room around it, at most 256 pixels wide and high; kept as long as the face. Faces enrolled by earlier versions have none.',
    parameters: [id, faceId],
    answers: {
      200: { description: 'The picture.', content: jpeg, headers: { etag: 'For `If-None-Match`' } },
      304: notModified,
    },
    problems: ['unknown-person', 'unknown-face', 'no-picture'],
  },
  'DELETE /people/:id/faces/:face': {
    id: 'deleteFace',
    tag: 'people',
    summary: 'Delete a face with its embedding, photo and picture',
    parameters: [id, faceId],
    answers: { 204: { description: 'Deleted.' } },
    problems: ['unknown-person', 'unknown-face'],
  },
};
