import { afterAll, beforeAll, expect, test } from 'bun:test';
import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { S3Blobs } from '../../src/adapters/aws/blobs.ts';
import { s3Client, sqsClients } from '../../src/adapters/aws/clients.ts';
import { ec2Client } from '../../src/adapters/aws/ec2Client.ts';
import { SqsQueue } from '../../src/adapters/aws/queue.ts';
import type { AwsCall } from '../../src/runtime/metrics.ts';
import { clientOptions, type Fauxqs, startFauxqs } from '../support/fauxqs.ts';

let aws: Fauxqs;
beforeAll(async () => {
  aws = await startFauxqs();
});
afterAll(() => aws.stop());

/** The calls told of, as `service operation outcome`. */
function watched() {
  const calls: AwsCall[] = [];
  const onCall = (call: AwsCall) => void calls.push(call);
  const told = () => calls.map(({ service, operation, outcome }) => `${service} ${operation} ${outcome}`);
  return { calls, onCall, told };
}

test('calls of queues, with what they ask', async () => {
  const { onCall, told } = watched();
  const url = await aws.queue('watched');
  const queue = new SqsQueue({ clients: sqsClients({ ...aws.client, onCall }), url, visibilitySeconds: 5 });
  await queue.send('a');
  const [message] = await queue.receive({ max: 1, waitSeconds: 1 });
  await queue.delete(message!.receipt);
  await queue.close();
  expect(told().filter(call => !/ (Send|Receive|Delete)Message(Batch)? ok$/.test(call))).toEqual([]);
  expect(told()).toHaveLength(3);
});

test('a poll that is ended is no fault', async () => {
  const { onCall, told } = watched();
  const url = await aws.queue('quiet');
  const queue = new SqsQueue({ clients: sqsClients({ ...aws.client, onCall }), url, visibilitySeconds: 5 });
  const end = new AbortController();
  const poll = queue.receive({ max: 1, waitSeconds: 20, signal: end.signal });
  setTimeout(() => end.abort(), 200);
  expect(await poll).toEqual([]);
  await queue.close();
  expect(told()).toEqual(['sqs ReceiveMessage ok']);
});

test('an object that is not there and a condition that does not hold are answers, a bucket that is not there is a fault', async () => {
  const { onCall, told } = watched();
  await aws.bucket('watched');
  const client = s3Client({ ...aws.client, onCall });
  const blobs = new S3Blobs({ client, bucket: 'watched' });
  expect(await blobs.get('nothing')).toBeUndefined();
  await blobs.put('k', new Uint8Array([1]), { ifAbsent: true });
  expect(await blobs.put('k', new Uint8Array([2]), { ifAbsent: true })).toBeUndefined();
  await new S3Blobs({ client, bucket: 'gone' }).list('').catch(() => {});
  expect(told()).toEqual([
    's3 GetObject ok',
    's3 PutObject ok',
    's3 PutObject ok',
    's3 ListObjectsV2 refused',
  ]);
});

test('errors, throttling, silence, and the attempts they took', async () => {
  let status = 500;
  let code = 'InternalError';
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => new Response(`<Error><Code>${code}</Code><Message>m</Message></Error>`, { status }),
  });
  const { calls, onCall, told } = watched();
  const blobs = new S3Blobs({
    client: s3Client({ ...clientOptions(server.url.origin), onCall }),
    bucket: 'any',
  });
  await blobs.get('k').catch(() => {});
  [status, code] = [503, 'SlowDown'];
  await blobs.get('k').catch(() => {});
  [status, code] = [403, 'AccessDenied'];
  await blobs.get('k').catch(() => {});
  await server.stop(true);
  await blobs.get('k').catch(() => {});
  expect(told()).toEqual([
    's3 GetObject failed',
    's3 GetObject throttled',
    's3 GetObject refused',
    's3 GetObject unanswered',
  ]);
  expect(calls.slice(0, 3).map(({ attempts }) => attempts)).toEqual([5, 5, 1]);
}, 60_000);

test('the fleet’s calls are told, too', async () => {
  const { onCall, told } = watched();
  const client = ec2Client({ ...clientOptions('http://127.0.0.1:1'), onCall });
  await client.send(new DescribeInstancesCommand()).catch(() => {});
  expect(told()).toEqual(['ec2 DescribeInstances unanswered']);
}, 60_000);

test('no error of a store tells the name of a photo, for errors are logged', async () => {
  const blobs = new S3Blobs({
    client: s3Client(aws.client),
    bucket: 'nowhere',
    variable: 'FACEREC_INPUT_BUCKET',
  });
  const id = Bun.randomUUIDv7();
  const key = `${id}/ada lovelace.jpg`;
  const calls = [() => blobs.put(key, new Uint8Array([1])), () => blobs.get(key), () => blobs.delete(key)];
  let errors = 0;
  for (const call of calls) {
    const error = await call().then(() => undefined, String);
    if (error === undefined) continue;
    errors++;
    expect(error).toContain(id);
    expect(error).not.toContain('lovelace');
  }
  expect(errors).toBeGreaterThan(0);
});
