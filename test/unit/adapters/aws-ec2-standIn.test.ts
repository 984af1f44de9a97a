import { afterAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeLaunchTemplatesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { userData } from '../../../src/adapters/aws/userData.ts';
import { noon, testClient, testFleet } from '../../support/ec2/fleet.ts';
import { startEc2 } from '../../support/ec2/server.ts';
import { workerProcess } from '../../support/ec2/worker.ts';
import { until } from '../../support/temporary.ts';

let time = noon;
const ec2 = await startEc2({
  now: () => time,
  images: ['ami-1'],
  subnets: ['subnet-a', 'subnet-b', 'subnet-c'],
  zones: { 'subnet-a': 'a', 'subnet-b': 'a', 'subnet-c': 'c' },
  securityGroups: ['sg-1'],
  templates: [{ id: 'lt-0a', name: 'workers' }],
  forgetMs: 60_000,
});
const client = testClient(ec2.url);
afterAll(async () => {
  client.destroy();
  await ec2.close();
});

const run = async (input: Partial<RunInstancesCommandInput> = {}): Promise<string> => {
  const command = new RunInstancesCommand({ MinCount: 1, MaxCount: 1, ImageId: 'ami-1', ...input });
  return (await client.send(command)).Instances![0]!.InstanceId!;
};
const states = async () => {
  const { Reservations = [] } = await client.send(new DescribeInstancesCommand({}));
  return Reservations.flatMap(({ Instances = [] }) => Instances.map(({ State }) => State?.Name));
};

describe('the EC2 stand-in', () => {
  test('has instances that begin, end and are forgotten', async () => {
    const id = await run();
    expect(await states()).toEqual(['pending']);
    time += 200;
    expect(await states()).toEqual(['running']);
    await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    expect(await states()).toEqual(['shutting-down']);
    time += 200;
    expect(await states()).toEqual(['terminated']);
    time += 60_000;
    expect(await states()).toEqual([]);
  });

  test('counts client tokens by zone, as EC2 does', async () => {
    const ClientToken = 'token';
    const id = await run({ ClientToken, SubnetId: 'subnet-a' });
    expect(await run({ ClientToken, SubnetId: 'subnet-a' })).toBe(id);
    await expect(run({ ClientToken, SubnetId: 'subnet-b' })).rejects.toThrow(
      /idempotent request are inconsistent/,
    );
    const elsewhere = await run({ ClientToken, SubnetId: 'subnet-c' });
    expect(elsewhere).not.toBe(id);
    ec2.cloud.end(id);
    time += 200;
    await expect(run({ ClientToken, SubnetId: 'subnet-a' })).rejects.toMatchObject({
      name: 'IdempotentInstanceTerminated',
    });
    time += 86_400_001;
    expect(await run({ ClientToken, SubnetId: 'subnet-a' })).not.toBe(id);
  });

  test('holds a token to the parameters of a request that failed', async () => {
    ec2.cloud.setCapacity('subnet-a', 't2.large', 0);
    const input = { ClientToken: 'other', SubnetId: 'subnet-a' };
    await expect(run({ ...input, InstanceType: 't2.large' })).rejects.toMatchObject({
      name: 'InsufficientInstanceCapacity',
    });
    await expect(run({ ...input, InstanceType: 't2.micro' })).rejects.toMatchObject({
      name: 'IdempotentParameterMismatch',
    });
  });

  test('answers a dry run with what would be', async () => {
    await expect(run({ DryRun: true })).rejects.toMatchObject({
      name: 'DryRunOperation',
      $metadata: { httpStatusCode: 412 },
    });
    ec2.cloud.faults.denied.add('ec2:RunInstances');
    await expect(run({ DryRun: true })).rejects.toMatchObject({
      name: 'UnauthorizedOperation',
      $metadata: { httpStatusCode: 403 },
    });

    ec2.cloud.faults.denied.clear();
  });

  test('knows images, subnets, groups and templates', async () => {
    const images = await client.send(new DescribeImagesCommand({ ImageIds: ['ami-1'] }));
    expect(images.Images).toMatchObject([{ ImageId: 'ami-1', State: 'available' }]);
    await expect(client.send(new DescribeImagesCommand({ ImageIds: ['ami-2'] }))).rejects.toThrow('ami-2');
    const subnets = await client.send(new DescribeSubnetsCommand({ SubnetIds: ['subnet-c'] }));
    expect(subnets.Subnets).toMatchObject([{ SubnetId: 'subnet-c', AvailabilityZone: 'c' }]);
    const groups = await client.send(new DescribeSecurityGroupsCommand({ GroupIds: ['sg-1'] }));
    expect(groups.SecurityGroups).toMatchObject([{ GroupId: 'sg-1' }]);
    const templates = await client.send(
      new DescribeLaunchTemplatesCommand({ LaunchTemplateNames: ['workers'] }),
    );
    expect(templates.LaunchTemplates).toMatchObject([{ LaunchTemplateId: 'lt-0a' }]);
  });

  test('refuses tag keys that instance metadata cannot show', async () => {
    const MetadataOptions = { InstanceMetadataTags: 'enabled' } as const;
    const tagged = (Key: string) =>
      run({
        MetadataOptions,
        TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key, Value: 'x' }] }],
      });
    await expect(tagged('facerec/drain')).rejects.toThrow('facerec/drain');
    await expect(tagged('face rec')).rejects.toThrow('face rec');
  });
});

test('an instance is a process with its own settings, metadata and credentials, and ends with it', async () => {
  const said = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      reports.push(await request.text());
      return new Response();
    },
  });
  const reports: string[] = [];
  const cloud = await startEc2({
    bootMs: 10,
    stopMs: 10,
    onLaunch: workerProcess({
      command: [process.execPath, join(import.meta.dir, '../../support/ec2/exampleWorker.ts')],
    }),
  });
  const ec2Client = testClient(cloud.url);
  const fleet = testFleet({
    client: ec2Client,
    describeEveryMs: 10,
    epochs: { periodMs: 43_200_000, guardMs: 0 },
    userData: userData({ REPORT_TO: said.url.href, GREETING: 'say "hello" for $5' }),
  });
  try {
    await fleet.launch([0]);
    const id = (await fleet.list())[0]!.id;
    await until(() => reports.length === 1, 'the worker to report');
    expect(JSON.parse(reports[0]!)).toEqual({ id, greeting: 'say "hello" for $5', accessKeyId: 'ASIATEST' });
    await fleet.drain([id]);
    await until(async () => (await fleet.list()).length === 0, 'the instance to be gone');
    expect(cloud.cloud.calls.get('TerminateInstances')).toBeUndefined();
  } finally {
    ec2Client.destroy();
    await cloud.close();
    await said.stop(true);
  }
});
