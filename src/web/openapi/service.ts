import { json, type Media, type Operations, pathParameter, queuedAnswer, REQUEST_ID } from './operation.ts';

const html: Media = { schema: { type: 'string' } };
const access = { access: 'session', key: { id: '0123456789ab', name: 'camera', scopes: ['recognise'] } };
const form: Media = {
  schema: { type: 'object', required: ['key'], properties: { key: { type: 'string' } } },
};

export const service: Operations = {
  'GET /': {
    id: 'home',
    tag: 'service',
    summary: 'A page for browsers, a list of what there is for programs',
    answers: {
      200: { description: 'Links, or the page.', content: { ...json('Links'), 'text/html': html } },
      303: { description: 'A browser needs a key first.', headers: { location: 'The login page' } },
    },
  },
  'GET /healthz': {
    id: 'health',
    tag: 'service',
    summary: 'Is it alive?',
    answers: { 200: { description: 'Yes.', content: json('Status', { status: 'ok' }) } },
  },
  'GET /readyz': {
    id: 'readiness',
    tag: 'service',
    summary: 'Does it reach its queues and stores?',
    answers: { 200: { description: 'Yes.', content: json('Status', { status: 'ready' }) } },
    problems: ['not-ready'],
  },
  'GET /assets/:name': {
    id: 'asset',
    tag: 'service',
    summary: 'A part of the page',
    parameters: [pathParameter('name', 'Name of the file.', 'app.js')],
    answers: {
      200: { description: 'The file.', content: { 'text/javascript': html, 'text/css': html } },
    },
    problems: ['no-such-page'],
  },
  'GET /events': {
    id: 'events',
    tag: 'service',
    summary: 'Server-sent events: results, queue, fleet',
    description:
      '`result`: the id of a result that is stored, and an outline of some; those of other web servers come seconds later, where the photo came in the last five minutes. `queue`: depths. `fleet`: instances, and the last decisions. The stream ends after five minutes; with `Last-Event-ID`, results that came meanwhile are told.',
    parameters: [
      {
        name: 'Last-Event-ID',
        in: 'header',
        description: 'Of the last event received.',
        schema: { type: 'string' },
      },
    ],
    answers: { 200: { description: 'The stream.', content: { 'text/event-stream': html } } },
    problems: ['busy'],
  },
  'GET /dead-letters': {
    id: 'deadLetters',
    tag: 'service',
    summary: 'Requests that failed too often, the latest first; at most 100',
    answers: {
      200: {
        description: 'Those that nobody else is looking at in this moment.',
        content: json('DeadLetters'),
      },
    },
  },
  'POST /dead-letters/:id/redrive': {
    id: 'redrive',
    tag: 'service',
    summary: 'Send a dead letter round again',
    description: 'Until it is answered anew, its result is the failure.',
    parameters: [pathParameter('id', 'Id of the request.', REQUEST_ID)],
    answers: { 202: queuedAnswer },
    problems: ['unknown-dead-letter', 'photo-gone'],
  },
  'GET /metrics': {
    id: 'metrics',
    tag: 'service',
    summary: 'Figures for Prometheus, in its text format',
    answers: { 200: { description: 'Figures.', content: { 'text/plain': { schema: { type: 'string' } } } } },
  },
  'GET /openapi.json': {
    id: 'openapi',
    tag: 'service',
    summary: 'This document',
    answers: {
      200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } },
    },
  },
  'GET /login': {
    id: 'login',
    tag: 'session',
    summary: 'A page that asks for a key',
    answers: { 200: { description: 'The page.', content: { 'text/html': html } } },
  },
  'GET /session': {
    id: 'access',
    tag: 'session',
    summary: 'By what right requests like this one are served',
    answers: { 200: { description: 'Openly, by a key, or by a session.', content: json('Access', access) } },
    problems: ['unauthorized', 'foreign-host'],
  },
  'POST /session': {
    id: 'openSession',
    tag: 'session',
    summary: 'Give a key, and get a cookie that stands for it',
    body: {
      required: true,
      content: { ...json('SessionBody', { key: 'facerec_…' }), 'application/x-www-form-urlencoded': form },
    },
    answers: {
      201: {
        description: 'Open.',
        content: json('Access', access),
        headers: { 'set-cookie': 'The session' },
      },
      303: {
        description: 'Open; answer to the form.',
        headers: { 'set-cookie': 'The session', location: 'The dashboard' },
      },
      401: { description: 'The key is not good; answer to the form.', content: { 'text/html': html } },
    },
    problems: ['invalid-json', 'unauthorized', 'too-large'],
  },
  'DELETE /session': {
    id: 'endSession',
    tag: 'session',
    summary: 'End the session',
    answers: { 204: { description: 'Ended, if there was one.', headers: { 'set-cookie': 'None any more' } } },
  },
};
