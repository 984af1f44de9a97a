import { recognised } from './examples.ts';
import { json, type Operations, pathParameter, REQUEST_ID } from './operation.ts';

const id = pathParameter('id', '1 to 32 letters a to z, digits and hyphens.', 'door');
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=';
const hook = {
  id: 'door',
  url: 'https://example.org/faces',
  events: ['result.recognised'],
  createdAt: '2026-05-01T00:00:00.000Z',
};

export const webhooks: Operations = {
  'GET /webhooks': {
    id: 'webhooks',
    tag: 'webhooks',
    summary: 'Who is told of results',
    answers: { 200: { description: 'All of them.', content: json('Webhooks', { webhooks: [hook] }) } },
  },
  'GET /webhooks/:id': {
    id: 'webhook',
    tag: 'webhooks',
    summary: 'One webhook',
    parameters: [id],
    answers: { 200: { description: 'The webhook, without its secret.', content: json('Webhook', hook) } },
    problems: ['unknown-webhook'],
  },
  'PUT /webhooks/:id': {
    id: 'putWebhook',
    tag: 'webhooks',
    summary: 'Have results posted to a URL',
    description:
      'From the next result on, each is posted as JSON `{type, timestamp, data}`, signed as Standard Webhooks ask for (`webhook-id`, `webhook-timestamp`, `webhook-signature`). What is not answered with 2xx within 10 seconds is posted again, after growing pauses, for 24 hours; the same result may come twice, with the same `webhook-id`.',
    parameters: [id],
    body: { required: true, content: json('WebhookBody', { url: hook.url, events: hook.events, secret }) },
    answers: {
      200: { description: 'Changed.', content: json('Webhook', { ...hook, secret }) },
      201: {
        description: 'Added; the secret is shown here only.',
        content: json('Webhook', { ...hook, secret }),
        headers: { location: 'Address of the webhook' },
      },
    },
    problems: ['invalid-webhook', 'invalid-json', 'too-large'],
  },
  'DELETE /webhooks/:id': {
    id: 'deleteWebhook',
    tag: 'webhooks',
    summary: 'Tell it no more',
    parameters: [id],
    answers: { 204: { description: 'Deleted, with what was still to be told.' } },
    problems: ['unknown-webhook'],
  },
  'POST /webhooks/:id/replay': {
    id: 'replay',
    tag: 'webhooks',
    summary: 'Be told again of results',
    parameters: [
      id,
      {
        name: 'since',
        in: 'query',
        required: true,
        description: 'Time of the request, or the id of one, from which on.',
        schema: { type: 'string' },
        example: '2026-05-01T00:00:00Z',
      },
    ],
    answers: {
      202: { description: 'They will be posted.', content: json('Replay', { queued: 7 }) },
    },
    problems: ['unknown-webhook', 'invalid-page'],
  },
};

/** What is posted, in the document's own section for it. */
export const delivered = {
  result: {
    post: {
      operationId: 'onResult',
      tags: ['webhooks'],
      summary: 'A result is there',
      requestBody: {
        required: true,
        content: json('Delivery', {
          type: 'result.recognised',
          timestamp: '2026-05-01T00:00:00.000Z',
          data: { ...recognised, id: REQUEST_ID },
        }),
      },
      responses: { '2XX': { description: 'Taken.' } },
    },
  },
};
