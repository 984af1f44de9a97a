import { afterAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import * as ec2Sdk from '@aws-sdk/client-ec2';
import * as s3Sdk from '@aws-sdk/client-s3';
import { testClient } from '../support/ec2/fleet.ts';
import { type Ec2Server, startEc2 } from '../support/ec2/server.ts';
import { startFauxqs } from '../support/fauxqs.ts';
import { needsOf } from './support/references.ts';
import { deployedStack, template } from './support/stack.ts';

// No test depends on speed: this bounds only what would never end.
setDefaultTimeout(300_000);

const stack = deployedStack();
const code = (stack.resources.CleanupFunction!.Properties.Code as { ZipFile: string }).ZipFile;
const aws = await startFauxqs();
const buckets = ['photos', 'results', 'people'];
for (const name of buckets) await aws.bucket(name);
const answers: { readonly headers: Headers; readonly body: Record<string, string> }[] = [];
const cloudFormation = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  async fetch(request) {
    answers.push({ headers: request.headers, body: JSON.parse(await request.text()) });
    return new Response();
  },
});
const servers: Ec2Server[] = [];
beforeEach(() => void answers.splice(0));
afterAll(async () => {
  await aws.stop();
  await cloudFormation.stop(true);
  for (const server of servers) await server.close();
});

/** The function as Lambda loads it: CommonJS, with the SDK at hand; its clients reach the stand-ins. */
function handlerOf(ec2: Ec2Server) {
  const sdk: Readonly<Record<string, object>> = {
    '@aws-sdk/client-ec2': {
      ...ec2Sdk,
      EC2Client: function EC2Client() {
        return testClient(ec2.url);
      },
    },
    '@aws-sdk/client-s3': {
      ...s3Sdk,
      S3Client: function S3Client() {
        return aws.s3;
      },
    },
  };
  const exports: { handler?: (event: object, context: object) => Promise<void> } = {};
  const soon = (then: () => void) => setTimeout(then, 1);
  new Function('require', 'exports', 'setTimeout', code)((name: string) => sdk[name], exports, soon);
  return async (RequestType: string, milliseconds = 900_000) => {
    const event = {
      RequestType,
      ResponseURL: `${cloudFormation.url}answer?signature=x`,
      StackId: 'stack',
      RequestId: 'request',
      LogicalResourceId: 'Cleanup',
      ...(RequestType !== 'Create' && { PhysicalResourceId: 'mine' }),
      ResourceProperties: { Fleet: 'facerec', Buckets: buckets },
    };
    await exports.handler!(event, { getRemainingTimeInMillis: () => milliseconds });
    return answers.at(-1)!;
  };
}

async function account(stopMs: number) {
  const ec2 = await startEc2({ bootMs: 0, stopMs });
  servers.push(ec2);
  const launch = (fleet: string, n: number) =>
    testClient(ec2.url).send(
      new ec2Sdk.RunInstancesCommand({
        MinCount: 1,
        MaxCount: 1,
        ImageId: 'ami-1',
        ClientToken: `${fleet}${n}`,
        TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'facerec-fleet', Value: fleet }] }],
      }),
    );
  for (let n = 0; n < 7; n++) await launch('facerec', n);
  await launch('other', 0);
  return ec2;
}

async function fill(objects: number) {
  for (const bucket of buckets)
    await Promise.all(
      Array.from({ length: objects }, (_, i) =>
        aws.s3.send(
          new s3Sdk.PutObjectCommand({
            Bucket: bucket,
            Key: `0${i}/a photo & <more>.jpg`,
            Body: Buffer.from('x'),
          }),
        ),
      ),
    );
}

async function count(): Promise<number> {
  const lists = await Promise.all(
    buckets.map(Bucket => aws.s3.send(new s3Sdk.ListObjectsV2Command({ Bucket, MaxKeys: 1000 }))),
  );
  return lists.reduce((sum, { KeyCount = 0 }) => sum + KeyCount, 0);
}

test('ends the fleet’s workers, waits until they are gone, and empties the buckets', async () => {
  const ec2 = await account(50);
  await fill(25);
  const handle = handlerOf(ec2);
  expect((await handle('Create')).body).toMatchObject({
    Status: 'SUCCESS',
    PhysicalResourceId: 'facerec-cleanup',
  });
  expect((await handle('Update')).body).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'mine' });
  expect([ec2.cloud.live().length, await count()]).toEqual([8, 75]);

  const { body, headers } = await handle('Delete');
  expect(body).toEqual({
    Status: 'SUCCESS',
    Reason: 'done',
    PhysicalResourceId: 'mine',
    StackId: 'stack',
    RequestId: 'request',
    LogicalResourceId: 'Cleanup',
  });
  // The address that CloudFormation gives is signed without one.
  expect(headers.get('content-type') ?? '').toBe('');
  const states = [...ec2.cloud.instances.values()].map(each => [
    each.tags.get('facerec-fleet')?.value,
    ec2.cloud.state(each),
  ]);
  expect(states.filter(([fleet, state]) => fleet === 'facerec' && state === 'terminated')).toHaveLength(7);
  expect(states).toContainEqual(['other', 'running']);
  expect(await count()).toBe(0);
});

test('more than a page of objects', async () => {
  await fill(0);
  for (let from = 0; from < 1_100; from += 100)
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        aws.s3.send(
          new s3Sdk.PutObjectCommand({ Bucket: 'photos', Key: `0${from + i}`, Body: Buffer.from('x') }),
        ),
      ),
    );
  const ec2 = await account(1);
  expect((await handlerOf(ec2)('Delete')).body.Status).toBe('SUCCESS');
  expect(await count()).toBe(0);
});

describe('says what is left', () => {
  test('when workers take too long', async () => {
    const { body } = await handlerOf(await account(600_000))('Delete', 30_200);
    expect(body.Status).toBe('FAILED');
    expect(body.Reason).toBe('7 workers are still there. Delete the stack again to go on.');
  });

  test('when something is refused', async () => {
    const ec2 = await account(1);
    ec2.cloud.faults.denied.add('ec2:TerminateInstances');
    const { body } = await handlerOf(ec2)('Delete');
    expect(body.Status).toBe('FAILED');
    expect(body.Reason).toContain('not authorized to perform: ec2:TerminateInstances');
  });
});

test('comes between the end of the web server and that of what workers and objects are in', () => {
  const direct = needsOf(template);
  const needs = (name: string): string[] => [...direct.get(name)!].flatMap(next => [next, ...needs(next)]);
  expect(needs('WebInstance')).toContain('Cleanup');
  const beneath = needs('Cleanup');
  for (const name of [
    'InputBucket',
    'OutputBucket',
    'GalleryBucket',
    'SubnetA',
    'SubnetB',
    'WorkerSecurityGroup',
  ])
    expect(beneath).toContain(name);
  // An internet gateway stays attached while machines have public addresses; a function without its policy can do nothing.
  for (const name of ['GatewayAttachment', 'DefaultRoute', 'CleanupPolicy']) expect(beneath).toContain(name);
  expect(beneath).not.toContain('WebInstance');
});

test('what is stored goes with the stack: nothing is kept behind', () => {
  for (const { Type, DeletionPolicy = 'Delete' } of Object.values(template.Resources))
    if (Type === 'AWS::S3::Bucket') expect(DeletionPolicy).toBe('Delete');
});
