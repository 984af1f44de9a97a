import { afterAll, afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { S3Blobs } from '../../../src/adapters/aws/blobs.ts';
import { s3Client, sqsClients } from '../../../src/adapters/aws/clients.ts';
import { ec2Client } from '../../../src/adapters/aws/ec2Client.ts';
import { SqsQueue } from '../../../src/adapters/aws/queue.ts';
import { startImds } from '../../support/ec2/imds.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

setDefaultTimeout(60_000);

const before = { ...process.env };
const seen: string[] = [];
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch(request) {
    const { pathname } = new URL(request.url);
    seen.push(`${request.method} ${pathname} ${request.headers.get('user-agent')?.includes('app/facerec')}`);
    return new Response('', { status: 403 });
  },
});
const closedPort = 'http://127.0.0.1:1';

function setEnvironment(variables: Record<string, string>): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  // Nothing outside this machine, nor a file of the person who runs the tests.
  Object.assign(process.env, {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/nonexistent',
    AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
    ...variables,
  });
}

const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' };
const queue = () => new SqsQueue({ clients: sqsClients(), url: 'https://elsewhere.invalid/1/requests' });
const blobs = () => new S3Blobs({ client: s3Client(), bucket: 'photos', variable: 'FACEREC_PHOTOS' });
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    error => error,
  );

beforeEach(() => {
  seen.length = 0;
});
afterEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  for (const [name, value] of Object.entries(before)) if (name.startsWith('AWS_')) process.env[name] = value;
});
afterAll(() => server.stop(true));

test.each(['the same for all', 'one each'])(
  'AWS_ENDPOINT_URL* is where every client goes, with paths for buckets (%s)',
  async way => {
    const url = server.url.origin;
    setEnvironment({
      ...credentials,
      ...(way === 'one each'
        ? {
            AWS_ENDPOINT_URL: closedPort,
            AWS_ENDPOINT_URL_SQS: url,
            AWS_ENDPOINT_URL_S3: url,
            AWS_ENDPOINT_URL_EC2: url,
          }
        : { AWS_ENDPOINT_URL: url }),
    });
    const { calls } = sqsClients();
    const QueueUrl = 'https://sqs.us-east-1.amazonaws.com/1/requests';
    await failureOf(calls.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' })));
    await failureOf(s3Client().send(new GetObjectCommand({ Bucket: 'photos', Key: 'k' })));
    await failureOf(ec2Client().send(new DescribeInstancesCommand()));
    expect(seen).toEqual(['POST / true', 'GET /photos/k true', 'POST / true']);
  },
);

test.each(['of the profile', 'of its services section'])(
  'an endpoint in the configuration file is treated as one in the environment (%s)',
  async way => {
    const file = join(temporaryDirectory(), 'config');
    const endpoint = `endpoint_url = ${server.url.origin}`;
    await Bun.write(
      file,
      way === 'of the profile'
        ? `[default]\n${endpoint}\n`
        : `[default]\nservices = here\n[services here]\ns3 =\n  ${endpoint}\nsqs =\n  ${endpoint}\n`,
    );
    const ask = `
      const { s3Client } = await import('${join(import.meta.dir, '../../../src/adapters/aws/clients.ts')}');
      const { S3Blobs } = await import('${join(import.meta.dir, '../../../src/adapters/aws/blobs.ts')}');
      await new S3Blobs({ client: s3Client(), bucket: 'photos' }).get('k').catch(() => {});`;
    // In a process of its own: files are read once.
    const child = Bun.spawn([process.execPath, '-e', ask], {
      env: {
        ...credentials,
        PATH: process.env.PATH,
        AWS_CONFIG_FILE: file,
        AWS_EC2_METADATA_DISABLED: 'true',
      },
    });
    await child.exited;
    expect(seen).toEqual(['GET /photos/k true']);
  },
);

test('without credentials, the error says what to set', async () => {
  setEnvironment({ AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL: server.url.origin });
  for (const error of [await failureOf(queue().send('x')), await failureOf(blobs().get('k'))]) {
    expect(error).toMatchObject({
      kind: 'no-credentials',
      message: expect.stringContaining('AWS_ACCESS_KEY_ID'),
    });
  }
  expect(seen).toEqual([]);
});

test.each(['', undefined])('without a region, the error says what to set (%p)', async region => {
  setEnvironment({ ...credentials, AWS_ENDPOINT_URL: server.url.origin });
  if (region === undefined) delete process.env.AWS_REGION;
  else process.env.AWS_REGION = region;
  expect(await failureOf(queue().send('x'))).toMatchObject({
    kind: 'no-region',
    message: expect.stringContaining('AWS_REGION'),
  });
});

test('where nobody listens, the error says what to check', async () => {
  setEnvironment({ ...credentials, AWS_ENDPOINT_URL: closedPort });
  expect(await failureOf(queue().depth())).toMatchObject({
    kind: 'network',
    message: expect.stringContaining('sqs:GetQueueAttributes'),
  });
  expect(await failureOf(blobs().list(''))).toMatchObject({
    kind: 'network',
    message: expect.stringContaining('(FACEREC_PHOTOS)'),
  });
});

test('a metadata service that takes its time, and fails now and then, still gives credentials', async () => {
  const imds = startImds({ instanceId: 'i-0123456789abcdef0' });
  let failures = 1;
  const slow = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { pathname } = new URL(request.url);
      // The SDK's own limit is a second.
      await Bun.sleep(1_200);
      if (pathname.endsWith('/security-credentials/') && failures-- > 0)
        return new Response('', { status: 500 });
      return fetch(imds.url + pathname, { method: request.method, headers: request.headers });
    },
  });
  setEnvironment({ AWS_EC2_METADATA_SERVICE_ENDPOINT: slow.url.origin, AWS_REGION: 'us-east-1' });
  delete process.env.AWS_EC2_METADATA_DISABLED;
  expect(await sqsClients().calls.config.credentials()).toMatchObject({ accessKeyId: 'ASIATEST' });
  expect(failures).toBeLessThanOrEqual(0);
  await slow.stop(true);
  await imds.close();
});
