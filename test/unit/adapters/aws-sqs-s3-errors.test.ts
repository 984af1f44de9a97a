import { expect, setDefaultTimeout, test } from 'bun:test';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetQueueUrlCommand, SQSClient } from '@aws-sdk/client-sqs';
import { S3Blobs } from '../../../src/adapters/aws/blobs.ts';
import { s3Client, sqsClients } from '../../../src/adapters/aws/clients.ts';
import { type AwsErrorKind, explain } from '../../../src/adapters/aws/errors.ts';
import { queueUrl } from '../../../src/adapters/aws/queueUrl.ts';
import { clientOptions } from '../../support/fauxqs.ts';

setDefaultTimeout(60_000);

type Answer = readonly [status: number, code: string, message?: string, headers?: Record<string, string>];

/** The error that the SDK makes of an answer. */
async function errorOf(
  service: 'SQS' | 'S3',
  [status, code, message = '', more = {}]: Answer,
): Promise<unknown> {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () =>
      service === 'SQS'
        ? new Response(JSON.stringify({ __type: `com.amazon.coral.service#${code}`, message }), {
            status,
            headers: { 'content-type': 'application/x-amz-json-1.0', ...more },
          })
        : new Response(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`, {
            status,
            headers: { 'content-type': 'application/xml', ...more },
          }),
  });
  const options = { ...clientOptions(server.url.origin), maxAttempts: 1 };
  try {
    if (service === 'SQS') await new SQSClient(options).send(new GetQueueUrlCommand({ QueueName: 'q' }));
    else {
      const client = new S3Client({ ...options, forcePathStyle: true });
      await client.send(new GetObjectCommand({ Bucket: 'b', Key: 'k' }));
    }
    throw new Error('that should have failed');
  } catch (error) {
    return error;
  } finally {
    await server.stop(true);
  }
}

const sqs = {
  service: 'SQS',
  action: 'sqs:SendMessage',
  resource: 'queue q',
  variable: 'FACEREC_Q',
} as const;
const s3 = { service: 'S3', action: 's3:GetObject', resource: 'bucket b', variable: 'FACEREC_B' } as const;

const queryError = (code: string) => ({ 'x-amzn-query-error': `${code};Sender` });

const sqsCases: readonly (readonly [AwsErrorKind, RegExp, Answer])[] = [
  ['access-denied', /^sqs:SendMessage on queue q \(FACEREC_Q\) is denied/, [403, 'AccessDeniedException']],
  [
    'access-denied',
    /^kms:Decrypt on queue q/,
    [
      400,
      'KMS.AccessDeniedException',
      'User: arn:aws:sts::1:role/x is not authorized to perform: kms:Decrypt on resource: y',
    ],
  ],
  [
    'missing',
    /^queue q \(FACEREC_Q\) does not exist/,
    [400, 'QueueDoesNotExist', '', queryError('AWS.SimpleQueueService.NonExistentQueue')],
  ],
  [
    'bad-credentials',
    /credentials are wrong/,
    [403, 'UnrecognizedClientException', '', queryError('InvalidClientTokenId')],
  ],
  [
    'bad-credentials',
    /credentials are wrong/,
    [403, 'ExpiredTokenException', 'The security token is expired'],
  ],
  [
    'bad-credentials',
    /credentials are wrong/,
    [403, 'InvalidSignatureException', 'does not match the signature you provided'],
  ],
  [
    'clock',
    /clock/,
    [
      403,
      'InvalidSignatureException',
      'Signature expired: 20260101T000000Z is now earlier than 20260101T000500Z',
    ],
  ],
  [
    'wrong-region',
    /in another region/,
    [403, 'SignatureDoesNotMatch', 'Credential should be scoped to a valid region.'],
  ],
  ['wrong-region', /AWS_REGION/, [404, 'InvalidAddress', 'The address is not valid for this endpoint.']],
  ['throttled', /rate of requests/, [400, 'RequestThrottled', '', queryError('RequestThrottled')]],
  ['unavailable', /not available just now/, [500, 'InternalFailure']],
  [
    'refused',
    /sqs:SendMessage on queue q \(FACEREC_Q\) failed: SQS does not accept this; check FACEREC_Q/,
    [400, 'InvalidParameterValue', 'Can only include alphanumeric characters'],
  ],
];

const s3Cases: readonly (readonly [AwsErrorKind, RegExp, Answer])[] = [
  [
    'access-denied',
    /^s3:GetObject on bucket b \(FACEREC_B\) is denied/,
    [403, 'AccessDenied', 'Access Denied'],
  ],
  ['missing', /^bucket b \(FACEREC_B\) does not exist/, [404, 'NoSuchBucket']],
  [
    'wrong-region',
    /in region eu-west-1: set AWS_REGION/,
    [301, 'PermanentRedirect', 'use the other', { 'x-amz-bucket-region': 'eu-west-1' }],
  ],
  [
    'wrong-region',
    /in region eu-west-1/,
    [400, 'AuthorizationHeaderMalformed', "the region 'us-east-1' is wrong; expecting 'eu-west-1'"],
  ],
  ['bad-credentials', /credentials are wrong/, [403, 'InvalidAccessKeyId']],
  [
    'bad-credentials',
    /credentials are wrong/,
    [403, 'SignatureDoesNotMatch', 'The signature does not match'],
  ],
  ['clock', /NTP/, [403, 'RequestTimeTooSkewed']],
  ['throttled', /rate of requests/, [503, 'SlowDown']],
  ['unavailable', /not available/, [502, '']],
];

test.each(sqsCases)('SQS: %s', async (kind, sentence, answer) => {
  const explained = explain(await errorOf('SQS', answer), sqs);
  expect(explained.kind).toBe(kind);
  expect(explained.message).toMatch(sentence);
});

test.each(s3Cases)('S3: %s', async (kind, sentence, answer) => {
  const explained = explain(await errorOf('S3', answer), s3);
  expect(explained.kind).toBe(kind);
  expect(explained.message).toMatch(sentence);
});

test('a server that does not answer in time', async () => {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Promise<Response>(() => {}) });
  const client = new SQSClient({
    ...clientOptions(server.url.origin),
    maxAttempts: 1,
    requestHandler: { requestTimeout: 200, throwOnRequestTimeout: true },
  });
  const error = await client
    .send(new GetQueueUrlCommand({ QueueName: 'q' }))
    .catch((reason: unknown) => reason);
  expect(explain(error, sqs)).toMatchObject({ kind: 'network' });
  await server.stop(true);
});

const page = '<!doctype html><html><body>Welcome</body></html>';
const queryFailure = '<?xml version="1.0"?><ErrorResponse><Error><Code>X</Code></Error></ErrorResponse>';

test.each([
  ['SQS', 404, page],
  ['SQS', 200, page],
  ['SQS', 400, queryFailure],
  ['S3', 404, page],
  ['S3', 200, page],
  ['S3', 200, '<html><head><meta charset=x></head></html>'],
] as const)('%s: an answer of something else (%p %p)', async (service, status, body) => {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => new Response(body, { status, headers: { 'content-type': 'text/html' } }),
  });
  const options = clientOptions(server.url.origin);
  const error = await (service === 'SQS'
    ? queueUrl(sqsClients(options).calls, 'q', 'FACEREC_Q')
    : new S3Blobs({ client: s3Client(options), bucket: 'bucket', variable: 'FACEREC_B' }).list('x')
  ).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ kind: 'foreign' });
  const { message } = error as Error;
  expect(message).toContain(`this does not look like ${service}; check AWS_ENDPOINT_URL_${service}`);
  expect(message).toContain(`(HTTP ${status})`);
  expect(message).toContain(service === 'SQS' ? 'FACEREC_Q' : 'FACEREC_B');
  expect(message).not.toContain('\n');
  await server.stop(true);
});

test('a page of a gateway that has lost its service is trouble of the service', async () => {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => new Response(page, { status: 503 }),
  });
  const { calls } = sqsClients(clientOptions(server.url.origin));
  await expect(queueUrl(calls, 'q')).rejects.toMatchObject({ kind: 'unavailable' });
  await server.stop(true);
});

test('https to a port of plain http', async () => {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('') });
  const options = clientOptions(server.url.origin.replace('http:', 'https:'));
  const error = await new S3Blobs({ client: s3Client(options), bucket: 'bucket' }).get('k').catch(e => e);
  expect(error).toMatchObject({
    kind: 'network',
    message: expect.stringContaining('http:// instead of https://'),
  });
  await server.stop(true);
});

test.each(['a/b', 'arn:aws:s3:us-east-1:123456789012:accesspoint/photos'])(
  'a bucket that the SDK does not take at this endpoint: %s',
  async bucket => {
    const client = s3Client(clientOptions('http://127.0.0.1:1'));
    const error = await new S3Blobs({ client, bucket, variable: 'FACEREC_B' }).get('k').catch(e => e);
    expect(error.message).toContain('FACEREC_B');
    expect(error.kind).toBe('refused');
  },
);

test('a name that does not resolve', () => {
  const error = Object.assign(new Error('getaddrinfo ENOTFOUND x'), { code: 'ENOTFOUND' });
  expect(explain(new Error('fetch failed', { cause: error }), s3).kind).toBe('network');
});

test.each([undefined, null, 'text', {}, new Error('')])('anything thrown has an explanation (%#)', error => {
  expect(explain(error, { ...sqs, variable: undefined })).toMatchObject({
    kind: 'other',
    message: expect.stringMatching(/^sqs:SendMessage on queue q failed/),
  });
});
