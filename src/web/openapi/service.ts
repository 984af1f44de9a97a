import { json, type Media, type Operations } from './operation.ts';

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
