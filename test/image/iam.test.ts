import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import { written } from '../../ami/iam/write.ts';
import { launchRequest } from '../../src/adapters/aws/launchRequest.ts';
import { type Permission, permissions } from '../../src/adapters/aws/permissions.ts';
import { tagKeys } from '../../src/adapters/aws/tags.ts';
import { type Program, programs } from '../../src/variables.ts';
import { authorisations, type LaunchTemplateData } from './support/authorisation.ts';
import { account, region, stackName } from './support/deployed.ts';
import { actionsOf, allows, type Policy, policyFaults, type Request } from './support/iam.ts';
import { deployedStack, identity } from './support/stack.ts';
import type { Value } from './support/template.ts';

// No test depends on speed: this bounds only what would never end.
setDefaultTimeout(300_000);

const folder = join(import.meta.dir, '../../ami/iam');
const stack = deployedStack({ WorkerInstanceTypes: 't3.micro,t3a.micro' });
const vpc = identity('Vpc');
const policies = await policiesOf('web', 'controller', 'worker', 'cleanup', 'upload');
const here = `arn:aws:ec2:${region}:${account}`;
const template = stack.resources.WorkerTemplate!.Properties
  .LaunchTemplateData as unknown as LaunchTemplateData;

test('the policies say what the table of permissions says, and so does the stack: `bun run policies` writes them', async () => {
  for (const [path, text] of Object.entries(await written())) expect(await readFile(path, 'utf8')).toBe(text);
  for (const name of ['web', 'controller', 'worker', 'cleanup'] as const) {
    const resource = stack.resources[`${name[0]!.toUpperCase()}${name.slice(1)}Policy`]!;
    expect(resource.Properties.PolicyDocument).toEqual(policies[name] as unknown as Value);
  }
  expect((await readdir(folder)).filter(file => file.endsWith('.json')).sort()).toEqual(
    Object.keys(policies)
      .map(name => `${name}.json`)
      .sort(),
  );
});

test('every action, resource and condition in them means something to IAM', async () => {
  for (const policy of Object.values(policies)) expect(await policyFaults(policy)).toEqual([]);
});

test('a role has room for its policies', () => {
  const length = (...names: (keyof typeof policies)[]) =>
    names.reduce((sum, name) => sum + JSON.stringify(policies[name]).length, 0);
  // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html, ARNs in real stacks being longer
  expect(length('web', 'controller')).toBeLessThan(8_000);
});

describe('queues and buckets', () => {
  const queues = { requests: 'RequestQueue', responses: 'ResponseQueue', deadLetters: 'DeadLetterQueue' };
  const buckets = { input: 'InputBucket', output: 'OutputBucket', gallery: 'GalleryBucket' };
  const resourceOf = ({ target }: Permission, any = 'x'): string | undefined => {
    if ('queue' in target) return identity(queues[target.queue], 'Arn');
    if (!('bucket' in target)) return undefined;
    const bucket = identity(buckets[target.bucket], 'Arn');
    return 'keys' in target
      ? `${bucket}/${target.keys.replace('{fleet}', stackName).replace('*', any)}`
      : bucket;
  };
  /** Each thing that anybody may do something with, one that nobody may, and the same of another stack. */
  const resources = [
    ...new Set(permissions.flatMap(each => resourceOf(each) ?? [])),
    ...Object.values(buckets).flatMap(name => [
      `${identity(name, 'Arn')}/fleet/another/controller`,
      `${identity(name, 'Arn')}/other`,
      `arn:aws:s3:::other-${name.toLowerCase()}/0`,
    ]),
    ...Object.values(queues).map(name => `${identity(name, 'Arn')}-2`),
  ];

  for (const program of programs)
    test(`${program}: what it does, and nothing beside`, async () => {
      const granted = new Set(
        permissions
          .filter(each => each.program === program)
          .map(each => `${each.action} ${resourceOf(each)}`),
      );
      const actions = [...(await actionsOf('sqs')), ...(await actionsOf('s3'))];
      expect(actions.length).toBeGreaterThan(150);
      const allowed: string[] = [];
      for (const action of actions)
        for (const resource of resources)
          if (await allows(policies[program], { action, resource })) allowed.push(`${action} ${resource}`);
      const wanted = [...granted].filter(each => !each.endsWith(' undefined'));
      expect(wanted.length).toBeGreaterThan(15);
      expect(allowed.sort()).toEqual(wanted.sort());
    });

  test('such as: the gallery is not the worker’s to delete, nor the lease to write', async () => {
    const [gallery, output] = [identity('GalleryBucket', 'Arn'), identity('OutputBucket', 'Arn')];
    const worker = (action: string, resource: string) => allows(policies.worker, { action, resource });
    expect(await worker('s3:PutObject', `${gallery}/segments/1`)).toBe(true);
    expect(await worker('s3:DeleteObject', `${gallery}/segments/1`)).toBe(false);
    expect(await worker('s3:GetObject', `${output}/fleet/${stackName}/controller/lease`)).toBe(true);
    expect(await worker('s3:PutObject', `${output}/fleet/${stackName}/controller/lease`)).toBe(false);
  });
});

describe('machines', () => {
  const role = identity('WorkerRole', 'Arn');
  const settings = {
    fleet: stackName,
    template: { name: identity('WorkerTemplate'), version: '1' },
    userData: '#',
  };
  const placement = { type: 't3a.micro', subnet: 'subnet-0a' };
  const ordinary = launchRequest(settings, placement, 3, { epoch: 1, generation: 2, placement: 0 });
  const surroundings = { template, vpc, role };
  const refused = async (program: Program, input: RunInstancesCommandInput, around = surroundings) => {
    const asked = authorisations(input, around);
    const answers = await Promise.all(asked.map(each => allows(policies[program], each)));
    return asked.filter((_, i) => !answers[i]).map(({ action, resource }) => `${action} ${resource}`);
  };

  test('the controller launches as it does, on demand and on the spot market', async () => {
    expect(authorisations(ordinary, surroundings).length).toBe(10);
    expect(await refused('controller', ordinary)).toEqual([]);
    const spot = launchRequest(settings, { ...placement, spot: true }, 3, {
      epoch: 1,
      generation: 2,
      placement: 1,
    });
    expect(await refused('controller', spot)).toEqual([]);
  });

  test('nobody else launches anything', async () => {
    const all = authorisations(ordinary, surroundings).map(({ action, resource }) => `${action} ${resource}`);
    expect(await refused('web', ordinary)).toEqual(all);
    expect(await refused('worker', ordinary)).toEqual(all);
  });

  const departures: Readonly<Record<string, readonly [Partial<RunInstancesCommandInput>, RegExp]>> = {
    'without the template': [
      { LaunchTemplate: undefined, ImageId: template.ImageId },
      /RunInstances .*instance\/\*/,
    ],
    'from another template': [
      { LaunchTemplate: { LaunchTemplateId: 'lt-0other' } },
      /launch-template\/lt-0other/,
    ],
    'of another image': [{ ImageId: 'ami-0other' }, /image\/ami-0other/],
    'of a large type': [{ InstanceType: 'p5.48xlarge' }, /RunInstances .*instance\/\*/],
    'with another profile': [
      { IamInstanceProfile: { Arn: `arn:aws:iam::${account}:instance-profile/admin` } },
      /PassRole .*role\/admin/,
    ],
    'in another security group': [{ SecurityGroupIds: ['sg-0other'] }, /security-group\/sg-0other/],
    'with a key to log in': [{ KeyName: 'mine' }, /key-pair\/mine/],
    'without IMDSv2': [{ MetadataOptions: { HttpTokens: 'optional' } }, /RunInstances .*instance\/\*/],
    'without tags': [{ TagSpecifications: [] }, /RunInstances .*instance\/\*/],
    'into another fleet': [
      { TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: tagKeys.fleet, Value: 'other' }] }] },
      /CreateTags .*instance\/\*/,
    ],
  };
  for (const [how, [change, what]] of Object.entries(departures))
    test(`no launch ${how}`, async () =>
      expect(await refused('controller', { ...ordinary, ...change })).toContainEqual(
        expect.stringMatching(what),
      ));

  test('no launch in another network, nor with a disk in clear', async () => {
    expect(await refused('controller', ordinary, { ...surroundings, vpc: 'vpc-0other' })).toEqual([
      `ec2:RunInstances ${here}:subnet/subnet-0a`,
    ]);
    const BlockDeviceMappings = [{ Ebs: { Encrypted: false } }];
    const clear = { ...surroundings, template: { ...template, BlockDeviceMappings } };
    expect(await refused('controller', ordinary, clear)).toEqual([`ec2:RunInstances ${here}:volume/*`]);
  });

  const instance = (fleet?: string, more: Request['context'] = {}): Omit<Request, 'action'> => ({
    resource: `${here}:instance/i-0123456789abcdef0`,
    context: { ...(fleet && { [`aws:ResourceTag/${tagKeys.fleet}`]: fleet }), ...more },
  });
  const drain = { 'aws:TagKeys': [tagKeys.drain], [`aws:RequestTag/${tagKeys.drain}`]: 'now' };
  const may = (action: string, what: Omit<Request, 'action'>) =>
    allows(policies.controller, { action, ...what });

  test('leave is granted to workers of the fleet, with the one tag', async () => {
    expect(await may('ec2:CreateTags', instance(stackName, drain))).toBe(true);
    expect(await may('ec2:CreateTags', instance('other', drain))).toBe(false);
    expect(await may('ec2:CreateTags', instance(undefined, drain))).toBe(false);
    const renamed = { ...drain, 'aws:TagKeys': [tagKeys.drain, 'Name'] };
    expect(await may('ec2:CreateTags', instance(stackName, renamed))).toBe(false);
    expect(await may('ec2:CreateTags', instance(stackName, { 'aws:TagKeys': [tagKeys.fleet] }))).toBe(false);
    expect(await may('ec2:CreateTags', instance(stackName))).toBe(false);
    // Nobody is taken into the fleet to be ended then.
    const adopted = { 'aws:TagKeys': [tagKeys.fleet], [`aws:RequestTag/${tagKeys.fleet}`]: stackName };
    expect(await may('ec2:CreateTags', instance(undefined, adopted))).toBe(false);
  });

  test('workers of the fleet are ended, and no other machine', async () => {
    expect(await may('ec2:TerminateInstances', instance(stackName))).toBe(true);
    expect(await may('ec2:TerminateInstances', instance('other'))).toBe(false);
    expect(await may('ec2:TerminateInstances', instance())).toBe(false);
    expect(await allows(policies.worker, { action: 'ec2:TerminateInstances', ...instance(stackName) })).toBe(
      false,
    );
  });

  test('the role of the workers is given to EC2 alone', async () => {
    const pass = (resource: string, to: string) =>
      may('iam:PassRole', { resource, context: { 'iam:PassedToService': to } });
    expect(await pass(role, 'ec2.amazonaws.com')).toBe(true);
    expect(await pass(role, 'lambda.amazonaws.com')).toBe(false);
    expect(await pass(identity('WebRole', 'Arn'), 'ec2.amazonaws.com')).toBe(false);
  });

  test('of EC2, IAM and STS, each program may do this and no more', async () => {
    const types = [
      'instance',
      'volume',
      'subnet',
      'security-group',
      'network-interface',
      'launch-template',
      'key-pair',
    ];
    const resources = [
      '*',
      ...types.map(type => `${here}:${type}/x`),
      ...['image', 'snapshot'].map(type => `arn:aws:ec2:${region}::${type}/x`),
      `${here}:launch-template/${identity('WorkerTemplate')}`,
      role,
    ];
    const context = {
      ...Object.assign({}, ...authorisations(ordinary, surroundings).map(each => each.context)),
      ...drain,
      [`aws:ResourceTag/${tagKeys.fleet}`]: stackName,
    };
    const all = [...(await actionsOf('ec2')), ...(await actionsOf('iam')), ...(await actionsOf('sts'))];
    expect(all.length).toBeGreaterThan(700);
    const done = async (program: Program) => {
      const found = new Set<string>();
      for (const action of all)
        for (const resource of resources)
          if (await allows(policies[program], { action, resource, context })) found.add(action);
      return [...found].sort();
    };
    expect(await done('web')).toEqual([]);
    expect(await done('worker')).toEqual([]);
    expect(await done('controller')).toEqual([
      'ec2:CreateTags',
      'ec2:DescribeInstances',
      'ec2:RunInstances',
      'ec2:TerminateInstances',
      'iam:PassRole',
    ]);
  });
});

describe('the checks catch', () => {
  const statement = (change: Partial<Policy['Statement'][number]>): Policy => ({
    Statement: [
      {
        Effect: 'Allow',
        Action: 'sqs:SendMessage',
        Resource: `arn:aws:sqs:${region}:${account}:q`,
        ...change,
      },
    ],
  });
  const planted: Readonly<Record<string, readonly [Policy, RegExp]>> = {
    'a misspelt action': [statement({ Action: 'sqs:SendMessages' }), /no such action/],
    'a wildcard for actions': [statement({ Action: 'sqs:*' }), /no such action/],
    'a resource of another kind': [
      statement({ Resource: 'arn:aws:s3:::bucket' }),
      /not on arn:aws:s3:::bucket/,
    ],
    'an object for a bucket': [
      statement({ Action: 's3:ListBucket', Resource: 'arn:aws:s3:::bucket/*' }),
      /not on arn:aws:s3:::bucket\/\*/,
    ],
    'all resources where they can be told apart': [statement({ Resource: '*' }), /not on \*/],
    'a condition that is never met': [
      statement({
        Action: 'ec2:RunInstances',
        Resource: `${here}:subnet/*`,
        Condition: { StringEquals: { 'ec2:InstanceType': 't3.micro' } },
      }),
      /AWS does not tell ec2:InstanceType/,
    ],
  };
  for (const [what, [policy, fault]] of Object.entries(planted))
    test(what, async () => expect(await policyFaults(policy)).toContainEqual(expect.stringMatching(fault)));

  test('a grant too many, and one too few', async () => {
    const request = { action: 'ec2:TerminateInstances', resource: `${here}:instance/i-0` };
    const [first, ...rest] = policies.controller.Statement;
    const open = { Effect: 'Allow', Action: 'ec2:TerminateInstances', Resource: `${here}:instance/*` };
    expect(await allows({ Statement: [...rest, open] }, request)).toBe(true);
    expect(await allows({ Statement: [...rest, open, { ...open, Effect: 'Deny' }] }, request)).toBe(false);
    const queue = { action: 'sqs:GetQueueAttributes', resource: String(first!.Resource) };
    expect(await allows(policies.controller, queue)).toBe(true);
    expect(await allows({ Statement: rest }, queue)).toBe(false);
  });
});

describe('beside the programs', () => {
  test('the teardown ends workers of the fleet and empties the buckets, and reads no object', async () => {
    const may = (action: string, resource: string, context: Request['context'] = {}) =>
      allows(policies.cleanup, { action, resource, context });
    const tag = (fleet: string) => ({ [`aws:ResourceTag/${tagKeys.fleet}`]: fleet });
    expect(await may('ec2:TerminateInstances', `${here}:instance/i-0`, tag(stackName))).toBe(true);
    expect(await may('ec2:TerminateInstances', `${here}:instance/i-0`, tag('other'))).toBe(false);
    for (const name of ['InputBucket', 'OutputBucket', 'GalleryBucket']) {
      const bucket = identity(name, 'Arn');
      expect(await may('s3:ListBucket', bucket)).toBe(true);
      expect(await may('s3:DeleteObject', `${bucket}/any/key`)).toBe(true);
      expect(await may('s3:GetObject', `${bucket}/any/key`)).toBe(false);
    }
  });

  test('the upload writes snapshots with its tag, and no others', async () => {
    const snapshot = `arn:aws:ec2:${region}::snapshot/snap-0`;
    const tagged = { 'aws:ResourceTag/facerec-image': 'x' };
    const may = (action: string, context: NonNullable<Request['context']>) =>
      allows(policies.upload, { action, resource: snapshot, context });
    expect(await may('ebs:StartSnapshot', { 'aws:RequestTag/facerec-image': 'x' })).toBe(true);
    expect(await may('ebs:StartSnapshot', {})).toBe(false);
    for (const action of ['ebs:PutSnapshotBlock', 'ebs:CompleteSnapshot']) {
      expect(await may(action, tagged)).toBe(true);
      expect(await may(action, {})).toBe(false);
    }
    expect(await may('ec2:DeleteSnapshot', tagged)).toBe(false);
    expect(await may('ec2:RegisterImage', {})).toBe(true);
  });
});

/** As they are in the stack: the files with its names filled in. */
async function policiesOf<Name extends string>(...names: readonly Name[]): Promise<Record<Name, Policy>> {
  const entries = names.map(async name => {
    const document = JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8'));
    return [name, inStack(document)] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as unknown as Record<Name, Policy>;
}

function inStack(value: Value): Value {
  if (typeof value === 'string') {
    const whole = /^\$\{(\w+)\}$/.exec(value)?.[1];
    if (whole !== undefined && !whole.startsWith('AWS::')) return stack.resolve({ Ref: whole });
    return stack.resolve({ 'Fn::Sub': [value, value.includes('Network') ? { Network: vpc } : {}] });
  }
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(inStack);
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, inStack(child)]));
}
