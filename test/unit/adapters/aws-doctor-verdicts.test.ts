import { expect, test } from 'bun:test';
import { EC2Client } from '@aws-sdk/client-ec2';
import { covering, fleetProbes } from '../../../src/adapters/aws/doctorFleet.ts';
import { queueRemarks } from '../../../src/adapters/aws/doctorQueues.ts';
import { type Probe, verdictOf } from '../../../src/adapters/aws/doctorVerdict.ts';
import type { LaunchSettings } from '../../../src/adapters/aws/launchRequest.ts';

const probe: Probe = {
  service: 'S3',
  action: 's3:PutObject',
  resource: 'bucket b',
  variable: 'FACEREC_B',
  programs: ['web'],
  ask: async () => [],
  passed: [404, 412, 'BadDigest'],
  besides: ['s3:ListBucket'],
};

/** As the SDK throws it. */
function said(name: string, status?: number, message = ''): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
}

test('an answer that only those get who may is no fault', () => {
  const allowed = [
    said('NoSuchKey', 404),
    said('PreconditionFailed', 412),
    said('BadDigest', 400),
    said('AccessDenied', 403, 'User: x is not authorized to perform: s3:ListBucket on resource: y'),
  ];
  for (const error of allowed) expect(verdictOf(probe, error)).toEqual({ ok: true, resource: 'bucket b' });
});

test('what is learnt from a fault decides what else is asked', () => {
  const skipped = (error: Error) => verdictOf(probe, error).skip;
  expect(skipped(said('NoSuchBucket', 404))).toBe('resource');
  expect(skipped(said('PermanentRedirect', 301))).toBe('resource');
  expect(skipped(said('TimeoutError'))).toBe('service');
  expect(skipped(said('ExpiredToken', 400))).toBe('all');
  expect(skipped(said('RequestTimeTooSkewed', 403))).toBe('all');
  expect(skipped(said('AccessDenied', 403))).toBeUndefined();
});

test('a denial is certain, unless there is a doubt; what says nothing of permissions never is', () => {
  const denial = said('AccessDenied', 403);
  expect(verdictOf(probe, denial)).not.toHaveProperty('uncertain');
  const doubted = verdictOf({ ...probe, denialHint: 'Hint.', denialDoubt: 'Doubt.' }, denial);
  expect(doubted).toMatchObject({ ok: false, uncertain: true });
  expect(doubted.advice).toEndWith('Hint. Doubt.');
  for (const error of [said('SlowDown', 503), said('InternalError', 500), said('NotImplemented', 501)])
    expect(verdictOf(probe, error)).toMatchObject({ ok: false, uncertain: true });
  const kms = said('AccessDenied', 403, 'User: x is not authorized to perform: kms:Decrypt on resource: y');
  expect(verdictOf(probe, kms).advice).toStartWith('kms:Decrypt on bucket b (FACEREC_B) is denied');
});

const complete: LaunchSettings = {
  fleet: 'f',
  image: 'ami-1',
  securityGroups: ['sg-1'],
  instanceProfile: 'worker',
  key: 'k',
};
const templated: LaunchSettings = { fleet: 'f', template: { name: 'lt-1' } };

for (const [code, variable, message = ''] of [
  ['InvalidAMIID.NotFound', 'FACEREC_AMI'],
  ['InvalidAMIID.Malformed', 'FACEREC_AMI'],
  ['AuthFailure', 'FACEREC_AMI', 'Not authorized for images: [ami-1]'],
  ['InvalidSubnetID.NotFound', 'FACEREC_SUBNETS'],
  ['InvalidGroup.NotFound', 'FACEREC_SECURITY_GROUPS'],
  ['InvalidSecurityGroupID.NotFound', 'FACEREC_SECURITY_GROUPS'],
  ['InvalidKeyPair.NotFound', 'FACEREC_KEY_NAME'],
  [
    'InvalidParameterValue',
    'FACEREC_INSTANCE_PROFILE',
    'Value (worker) for parameter iamInstanceProfile.name is invalid.',
  ],
  ['Unsupported', 'FACEREC_INSTANCE_TYPES', 'Your requested instance type is not supported in your zone'],
  ['VcpuLimitExceeded', 'FACEREC_MAX_INSTANCES'],
] as const)
  test(`RunInstances: ${code} is about ${variable}, or about the launch template`, () => {
    const error = said(code, 400, message);
    const mine = verdictOf(run(complete, { subnet: 'subnet-1', type: 't3.small' }), error);
    expect(mine.ok).toBe(false);
    expect(mine.advice).toMatch(/ec2:RunInstances|does not exist/);
    expect(mine.advice).toContain(variable);
    expect(mine).not.toHaveProperty('uncertain');
    expect(mine.skip).not.toBe('all');
    const its = verdictOf(run(templated, {}), error);
    const expected = code === 'VcpuLimitExceeded' ? variable : 'FACEREC_LAUNCH_TEMPLATE';
    expect(its.advice).toContain(expected);
  });

test('RunInstances: credentials that are refused are not the image’s fault; no room now is none', () => {
  const run0 = run(complete, {});
  const refused = said('AuthFailure', 401, 'AWS was not able to validate the provided access credentials');
  expect(verdictOf(run0, refused).skip).toBe('all');
  expect(verdictOf(run0, said('InsufficientInstanceCapacity', 500)).ok).toBe(true);
  expect(
    verdictOf(run(templated, {}), said('InvalidLaunchTemplateName.NotFoundException', 400)).advice,
  ).toContain('FACEREC_LAUNCH_TEMPLATE');
});

test('dry runs of launches: every subnet, type and market once', () => {
  const a = { subnet: 'a', type: 't' };
  const b = { subnet: 'b', type: 't' };
  const c = { subnet: 'a', type: 'u' };
  const d = { subnet: 'b', type: 'u' };
  const spot = { ...a, spot: true };
  expect(covering([a, b, c, d, spot])).toEqual([a, b, c, spot]);
  expect(covering([{}])).toEqual([{}]);
});

test('settings of queues that would not do', () => {
  const named = (name: string, variable: string) => ({
    url: `http://localhost/000000000000/${name}`,
    variable,
  });
  const queues = {
    requests: named('requests.fifo', 'FACEREC_REQUEST_QUEUE'),
    responses: named('responses', 'FACEREC_RESPONSE_QUEUE'),
    deadLetters: named('dead', 'FACEREC_DEAD_LETTER_QUEUE'),
  };
  const expected = { visibilitySeconds: 60, maxReceives: 5 };
  const redrive = (arn: string, count: string | number) =>
    JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: count });
  const advice = (attributes: Record<string, string>) =>
    queueRemarks('requests', queues, attributes, expected).map(remark => remark.advice);
  const dead = 'arn:aws:sqs:eu-west-1:000000000000:dead';
  expect(advice({ RedrivePolicy: redrive(dead, '5'), MaximumMessageSize: '1023' })).toEqual([
    expect.stringContaining('FIFO'),
    expect.stringContaining('MaximumMessageSize is 1023'),
  ]);
  expect(advice({ RedrivePolicy: redrive(dead.replace('000', '111'), 6) })).toEqual([
    expect.stringContaining('FIFO'),
    expect.stringContaining('points at'),
    expect.stringContaining('maxReceiveCount 6'),
  ]);
  expect(advice({ RedrivePolicy: 'no JSON' })[1]).toContain('no RedrivePolicy');
  expect(queueRemarks('responses', queues, { MaximumMessageSize: '1024' }, expected)).toEqual([]);
});

function run(settings: LaunchSettings, placement: { subnet?: string; type?: string }): Probe {
  const client = new EC2Client({ region: 'us-east-1' });
  return fleetProbes({ client, settings, placements: [placement] }).at(-1)!;
}
