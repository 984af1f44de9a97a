import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { createServer } from 'node:net';
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { s3Client, sqsClients } from '../../../src/adapters/aws/clients.ts';
import { type DoctorOptions, examine } from '../../../src/adapters/aws/doctor.ts';
import type { Finding } from '../../../src/adapters/aws/doctorVerdict.ts';
import { permissions } from '../../../src/adapters/aws/permissions.ts';
import { testClient } from '../../support/ec2/fleet.ts';
import { type Ec2Server, startEc2 } from '../../support/ec2/server.ts';
import { clientOptions, type Fauxqs, startFauxqs } from '../../support/fauxqs.ts';
import { type SqsAnswer, sqsServer } from './aws-sqs-server.ts';

setDefaultTimeout(60_000);

/** A refusal in the words of the service. */
interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

let fauxqs: Fauxqs;
let gate: Gate;
let ec2: Ec2Server;
let run = 0;
let healthy: DoctorOptions;

beforeAll(async () => {
  fauxqs = await startFauxqs();
  gate = startGate(fauxqs.url);
});

afterAll(async () => {
  await gate.stop();
  await fauxqs.stop();
});

beforeEach(async () => {
  run++;
  gate.refusals.clear();
  gate.seen.length = 0;
  gate.dropConditions = false;
  ec2 = await startEc2({ images: ['ami-1'] });
  const deadLetters = await fauxqs.queue(`dead-${run}`);
  const requests = await fauxqs.queue(`requests-${run}`, {
    visibilitySeconds: 60,
    redrive: { url: deadLetters, maxReceives: 5 },
  });
  const responses = await fauxqs.queue(`responses-${run}`);
  for (const name of ['input', 'output', 'gallery']) await fauxqs.bucket(`${name}-${run}`);
  const client = clientOptions(gate.url);
  healthy = {
    sqs: sqsClients(client).calls,
    s3: s3Client(client),
    queues: {
      requests: { url: requests, variable: 'FACEREC_REQUEST_QUEUE' },
      responses: { url: responses, variable: 'FACEREC_RESPONSE_QUEUE' },
      deadLetters: { url: deadLetters, variable: 'FACEREC_DEAD_LETTER_QUEUE' },
    },
    buckets: {
      input: { bucket: `input-${run}`, variable: 'FACEREC_INPUT_BUCKET' },
      output: { bucket: `output-${run}`, variable: 'FACEREC_OUTPUT_BUCKET' },
      gallery: { bucket: `gallery-${run}`, prefix: 'gallery/', variable: 'FACEREC_GALLERY_BUCKET' },
    },
    fleet: {
      client: testClient(ec2.url),
      settings: { fleet: 'test', image: 'ami-1', instanceProfile: 'worker', userData: '#cloud-config\n' },
      placements: [{ subnet: 'subnet-a' }],
    },
    fleetName: 'test',
    visibilitySeconds: 60,
    maxReceives: 5,
  };
});

afterEach(async () => {
  await ec2.close();
});

test('where everything is fine, every action that a program needs is found allowed', async () => {
  const findings = await all(healthy);
  expect(findings.filter(({ ok, advice }) => !ok || advice !== undefined)).toEqual([]);
  expect(findings[0]).toMatchObject({ action: 'credentials', program: ['web', 'controller', 'worker'] });
  const { requests, responses, deadLetters } = healthy.queues;
  expect(actionsOn(findings, requests.url)).toEqual([
    'sqs:GetQueueAttributes',
    'sqs:SendMessage',
    'sqs:ReceiveMessage',
    'sqs:DeleteMessage',
    'sqs:ChangeMessageVisibility',
  ]);
  expect(actionsOn(findings, responses.url)).toEqual(actionsOn(findings, requests.url));
  expect(actionsOn(findings, deadLetters.url)).toEqual(actionsOn(findings, requests.url));
  for (const name of ['input', 'output', 'gallery'])
    expect([...new Set(actionsOn(findings, `bucket ${name}`))]).toEqual([
      's3:ListBucket',
      's3:GetObject',
      's3:PutObject',
      's3:DeleteObject',
    ]);
  expect(findings.flatMap(({ action }) => (action.startsWith('ec2:') ? [action] : []))).toEqual([
    'ec2:DescribeInstances',
    'ec2:CreateTags',
    'ec2:TerminateInstances',
    'ec2:RunInstances',
  ]);
});

test('the clock has a line, and one that is wrong says by how much', async () => {
  const ofClock = async () => (await all(healthy)).filter(({ action }) => action === 'clock');
  expect(await ofClock()).toMatchObject([{ ok: true, program: ['controller'] }]);
  for (const [skewMs, said] of [
    [3_600_000, /3(59\d|600) s behind/],
    [-3_600_000, /360\d s ahead/],
  ] as const) {
    const skewed = await startEc2({ images: ['ami-1'], now: () => Date.now() + skewMs });
    try {
      healthy = { ...healthy, fleet: { ...healthy.fleet!, client: testClient(skewed.url) } };
      const [finding] = await ofClock();
      expect(finding?.ok).toBe(false);
      expect(finding?.advice).toMatch(said);
      expect(finding?.advice).toContain('NTP');
    } finally {
      await skewed.close();
    }
  }
});

test('nothing is changed: no message, no object, no instance, and what is there is as it was', async () => {
  const { sqs, s3 } = fauxqs;
  await sqs.calls.send(
    new SendMessageCommand({ QueueUrl: healthy.queues.requests.url, MessageBody: 'kept' }),
  );
  await s3.send(new PutObjectCommand({ Bucket: `input-${run}`, Key: 'kept', Body: Buffer.from('kept') }));
  await all(healthy);
  const received = await Promise.all(
    Object.values(healthy.queues).map(async ({ url }) => {
      const { Messages = [] } = await sqs.polls.send(
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: 10,
          MessageSystemAttributeNames: ['ApproximateReceiveCount'],
        }),
      );
      return Messages.map(({ Body, Attributes }) => [Body, Attributes?.ApproximateReceiveCount]);
    }),
  );
  expect(received).toEqual([[['kept', '1']], [], []]);
  expect(await keysOf('input')).toEqual(['kept']);
  expect(await keysOf('output')).toEqual([]);
  expect(await keysOf('gallery')).toEqual([]);
  expect(ec2.cloud.instances.size).toBe(0);
});

test('puts and deletes are conditional, puts are broken as well, and no message has a body', async () => {
  await all(healthy);
  for (const { action, headers, body } of gate.seen) {
    if (action === 's3:PutObject') {
      expect(headers.get('if-match')).toBeTruthy();
      // The MD5 of nothing is another.
      expect(headers.get('content-md5')).toBe('AAAAAAAAAAAAAAAAAAAAAA==');
    }
    if (action === 's3:DeleteObject') expect(headers.get('if-match')).toBe('*');
    if (action === 'sqs:SendMessage') expect(JSON.parse(body)).toMatchObject({ MessageBody: '' });
    if (action === 'sqs:ReceiveMessage') expect(JSON.parse(body)).toMatchObject({ MaxNumberOfMessages: 0 });
  }
  const sent = new Set(gate.seen.map(({ action }) => action));
  expect([...sent].sort()).toEqual([
    's3:DeleteObject',
    's3:GetObject',
    's3:ListBucket',
    's3:PutObject',
    'sqs:ChangeMessageVisibility',
    'sqs:DeleteMessage',
    'sqs:GetQueueAttributes',
    'sqs:ReceiveMessage',
    'sqs:SendMessage',
  ]);
});

test('a store that ignores conditions is cleaned up after, and that is said', async () => {
  gate.dropConditions = true;
  const findings = (await all(healthy)).filter(({ advice }) => advice !== undefined);
  const putKinds = new Set(
    permissions.flatMap(({ action, target }) =>
      action === 's3:PutObject' && 'keys' in target ? [`${target.bucket} ${target.keys}`] : [],
    ),
  );
  expect(findings.map(({ ok, action }) => [ok, action])).toEqual(
    Array(putKinds.size).fill([true, 's3:PutObject']),
  );
  expect(findings[0]?.advice).toContain('FACEREC_LEASE');
  for (const name of ['input', 'output', 'gallery']) expect(await keysOf(name)).toEqual([]);
});

test('such a store is a fault where a lease is to keep controllers apart', async () => {
  gate.dropConditions = true;
  const found = (await all({ ...healthy, lease: true })).filter(({ ok }) => !ok);
  expect(found.map(({ action, resource }) => [action, resource])).toEqual([
    ['s3:PutObject', `bucket output-${run}, keys fleet/test/controller*`],
  ]);
  expect(found[0]?.advice).toContain('FACEREC_LEASE=off');
  for (const name of ['input', 'output', 'gallery']) expect(await keysOf(name)).toEqual([]);
});

test('what such a store keeps and nobody may delete is named', async () => {
  gate.dropConditions = true;
  gate.refusals.set(`s3:DeleteObject gallery-${run}`, denial('AccessDenied', 's3:DeleteObject'));
  const findings = await all(healthy);
  const key = (await keysOf('gallery')).find(left => left.startsWith('gallery/headfacerec-doctor-'));
  expect(key).toBeDefined();
  const put = findings.find(
    ({ action, resource }) => action === 's3:PutObject' && resource.includes('gallery'),
  );
  expect(put?.advice).toEndWith(`An empty object is left behind: delete ${key}.`);
});

test('the answers of SQS itself to such parameters mean that the action is allowed', async () => {
  const arn = 'arn:aws:sqs:us-east-1:000000000000:dead';
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: 5 });
  const answers: Record<string, SqsAnswer> = {
    GetQueueAttributes: {
      Attributes: { RedrivePolicy, VisibilityTimeout: '60', MaximumMessageSize: '1048576' },
    },
    SendMessage: { error: 'MissingParameter' },
    ReceiveMessage: { error: 'InvalidParameterValue' },
    DeleteMessage: { error: 'ReceiptHandleIsInvalid', status: 404 },
    ChangeMessageVisibility: { error: 'ReceiptHandleIsInvalid' },
  };
  const server = sqsServer(({ action }) => answers[action] ?? { error: 'InvalidAction' });
  try {
    const named = (name: string) => ({
      url: `https://sqs.us-east-1.amazonaws.com/000000000000/${name}`,
      variable: 'X',
    });
    const queues = { requests: named('requests'), responses: named('responses'), deadLetters: named('dead') };
    const findings = await all({ ...healthy, sqs: server.clients.calls, queues });
    expect(findings.filter(({ ok, advice }) => !ok || advice !== undefined)).toEqual([]);
    answers.ReceiveMessage = { error: 'SomethingElse' };
    const unsure = await faults({ ...healthy, sqs: server.clients.calls, queues, programs: ['worker'] });
    expect(unsure).toHaveLength(1);
    expect(unsure[0]).toMatchObject({ action: 'sqs:ReceiveMessage', uncertain: true, program: ['worker'] });
  } finally {
    await server.stop();
  }
});

test('a missing queue is one finding', async () => {
  const { queues } = healthy;
  const url = `${new URL(queues.responses.url).origin}/000000000000/nowhere`;
  await only(
    { ...healthy, queues: { ...queues, responses: { ...queues.responses, url } } },
    { action: 'sqs:GetQueueAttributes', program: ['web'], resource: `queue ${url}` },
    /does not exist.*correct FACEREC_RESPONSE_QUEUE/,
  );
});

test('a missing bucket is one finding', async () => {
  const { buckets } = healthy;
  await only(
    { ...healthy, buckets: { ...buckets, output: { ...buckets.output, bucket: 'nowhere' } } },
    { action: 's3:ListBucket', program: ['web', 'controller', 'worker'], resource: 'bucket nowhere' },
    /does not exist.*correct FACEREC_OUTPUT_BUCKET/,
  );
});

test('redrive: missing, to another queue, after another number of receives', async () => {
  const { queues } = healthy;
  const expected = { action: 'sqs:GetQueueAttributes', program: ['web', 'controller'] as const };
  const other = { ...queues.deadLetters, url: queues.responses.url };
  await only({ ...healthy, queues: { ...queues, deadLetters: other } }, expected, [
    /sqs:SetQueueAttributes/,
    /FACEREC_DEAD_LETTER_QUEUE/,
    /points at arn:aws:sqs:us-east-1:000000000000:dead-/,
  ]);
  await only({ ...healthy, maxReceives: 3 }, expected, /maxReceiveCount 5 and FACEREC_MAX_RECEIVES is 3/);
  const url = await fauxqs.queue(`plain-${run}`, { visibilitySeconds: 60 });
  await only(
    { ...healthy, queues: { ...queues, requests: { ...queues.requests, url } } },
    expected,
    /no RedrivePolicy.*sqs:SetQueueAttributes.*FACEREC_REQUEST_QUEUE.*FACEREC_DEAD_LETTER_QUEUE/,
  );
});

test('another visibility timeout is mentioned, and does no harm', async () => {
  const findings = await all({ ...healthy, visibilitySeconds: 90 });
  const mentioned = findings.filter(({ advice }) => advice !== undefined);
  expect(mentioned).toHaveLength(1);
  expect(mentioned[0]).toMatchObject({ ok: true, action: 'sqs:GetQueueAttributes' });
  expect(mentioned[0]?.advice).toContain('60 s and FACEREC_VISIBILITY_SECONDS is 90');
});

for (const action of [
  'GetQueueAttributes',
  'SendMessage',
  'ReceiveMessage',
  'DeleteMessage',
  'ChangeMessageVisibility',
])
  test(`sqs:${action} denied on a queue`, async () => {
    gate.refusals.set(`sqs:${action} requests-${run}`, denial('AccessDeniedException', `sqs:${action}`));
    await only(
      healthy,
      { action: `sqs:${action}`, resource: `queue ${healthy.queues.requests.url}` },
      new RegExp(`^sqs:${action} on queue .* \\(FACEREC_REQUEST_QUEUE\\) is denied`),
    );
  });

for (const action of ['ListBucket', 'GetObject', 'PutObject', 'DeleteObject'])
  test(`s3:${action} denied on a bucket`, async () => {
    gate.refusals.set(`s3:${action} gallery-${run}`, denial('AccessDenied', `s3:${action}`));
    const kinds = {
      ListBucket: ['*'],
      GetObject: ['head*', 'segments/*', 'faces/*', 'access/keys*', 'access/webhooks*'],
      PutObject: ['head*', 'segments/*', 'faces/*', 'access/keys*', 'access/webhooks*'],
      DeleteObject: ['segments/*', 'faces/*'],
    }[action]!;
    const found = await faults(healthy);
    expect(found.map(({ action, resource }) => [action, resource])).toEqual(
      kinds.map(kind => [`s3:${action}`, `bucket gallery-${run}, keys gallery/${kind}`]),
    );
    for (const { advice } of found)
      expect(advice).toMatch(new RegExp(`^s3:${action} on bucket .* \\(FACEREC_GALLERY_BUCKET\\) is denied`));
  });

test('a policy that allows some keys of a bucket and not others: what it leaves out is named', async () => {
  gate.refusals.set(`s3:PutObject output-${run}/trying/`, denial('AccessDenied', 's3:PutObject'));
  await only(
    healthy,
    { action: 's3:PutObject', resource: `bucket output-${run}, keys trying/*`, program: ['worker'] },
    /FACEREC_OUTPUT_BUCKET/,
  );
});

test('queues by name: their URLs are asked for, and what cannot be found is one finding', async () => {
  const { queues } = healthy;
  const named = (queue: { readonly url: string; readonly variable: string }, name = queue.url) => ({
    ...queue,
    url: name.split('/').at(-1)!,
  });
  const byName = {
    requests: named(queues.requests),
    responses: named(queues.responses),
    deadLetters: named(queues.deadLetters),
  };
  const findings = await all({ ...healthy, queues: byName });
  expect(findings.filter(({ ok, advice }) => !ok || advice !== undefined)).toEqual([]);
  expect(findings.filter(({ action }) => action === 'sqs:GetQueueUrl')).toHaveLength(3);
  expect(actionsOn(findings, queues.requests.url)).toContain('sqs:SendMessage');

  for (const role of ['requests', 'responses', 'deadLetters'] as const) {
    const lost = { ...byName, [role]: named(queues[role], 'nowhere') };
    await only(
      { ...healthy, queues: lost },
      { action: 'sqs:GetQueueUrl', resource: 'queue nowhere', program: ['web', 'controller', 'worker'] },
      /does not exist/,
    );
  }
  gate.refusals.set(`sqs:GetQueueUrl responses-${run}`, denial('AccessDenied', 'sqs:GetQueueUrl'));
  await only(
    { ...healthy, queues: byName },
    { action: 'sqs:GetQueueUrl' },
    /FACEREC_RESPONSE_QUEUE.* is denied/,
  );
});

test('every permission in the table is asked for, of the programs that need it', async () => {
  const names = { requests: 'requests', responses: 'responses', deadLetters: 'dead' } as const;
  const queues = Object.fromEntries(
    Object.entries(healthy.queues).map(([role, queue]) => [
      role,
      { ...queue, url: `${names[role as keyof typeof names]}-${run}` },
    ]),
  ) as unknown as DoctorOptions['queues'];
  const findings = await all({ ...healthy, queues });
  const unasked = permissions.filter(({ program, action, target }) => {
    // Looked at by the dry run of RunInstances, which fails without it.
    if (action === 'iam:PassRole') return false;
    const resource =
      'queue' in target
        ? `${names[target.queue]}-${run}`
        : 'bucket' in target
          ? `${target.bucket}-${run}`
          : '';
    const keys = 'keys' in target ? target.keys.replace('{fleet}', 'test') : '';
    return !findings.some(
      each =>
        each.action === action &&
        each.program.includes(program) &&
        each.resource.includes(resource) &&
        each.resource.endsWith(keys),
    );
  });
  expect(unasked).toEqual([]);
});

test('without s3:ListBucket, S3 names it when an absent key is asked for: GetObject itself is allowed', async () => {
  for (const action of ['ListBucket', 'GetObject'])
    gate.refusals.set(`s3:${action} input-${run}`, denial('AccessDenied', 's3:ListBucket'));
  await only(healthy, { action: 's3:ListBucket' }, /FACEREC_INPUT_BUCKET/);
});

test('without s3:ListBucket and without a name, it cannot be told whether GetObject is allowed', async () => {
  for (const action of ['ListBucket', 'GetObject'])
    gate.refusals.set(`s3:${action} input-${run}`, {
      status: 403,
      code: 'AccessDenied',
      message: 'Access Denied',
    });
  const [list, ...gets] = await faults(healthy);
  expect(list).toMatchObject({ action: 's3:ListBucket' });
  expect(list).not.toHaveProperty('uncertain');
  expect(gets).toHaveLength(2);
  for (const get of gets) {
    expect(get).toMatchObject({ action: 's3:GetObject', uncertain: true });
    expect(get.advice).toContain('Allow s3:ListBucket first');
  }
});

for (const action of ['DescribeInstances', 'RunInstances', 'CreateTags', 'TerminateInstances'])
  test(`ec2:${action} denied`, async () => {
    ec2.cloud.faults.denied.add(`ec2:${action}`);
    const variable = action === 'RunInstances' ? 'FACEREC_AMI' : 'FACEREC_FLEET';
    const finding = await only(
      healthy,
      { action: `ec2:${action}`, program: ['controller'] },
      new RegExp(`^ec2:${action} on .* \\(${variable}\\) is denied`),
    );
    expect(finding?.uncertain).toBe(
      action === 'CreateTags' || action === 'TerminateInstances' ? true : undefined,
    );
    if (action === 'RunInstances')
      expect(finding?.advice).toMatch(/iam:PassRole.*FACEREC_INSTANCE_PROFILE.*ec2:CreateTags/);
  });

test('the role of the workers may not be passed on', async () => {
  const message =
    'User: x is not authorized to perform: iam:PassRole on resource: arn:aws:iam::0:role/worker';
  ec2.cloud.faults.next('RunInstances', {
    kind: 'error',
    code: 'UnauthorizedOperation',
    status: 403,
    message,
  });
  await only(
    healthy,
    { action: 'ec2:RunInstances', resource: 'instance profile worker' },
    /^iam:PassRole on instance profile worker \(FACEREC_INSTANCE_PROFILE\) is denied/,
  );
});

test('an instance id that is not there means that ending and tagging are allowed', async () => {
  for (const action of ['CreateTags', 'TerminateInstances'])
    ec2.cloud.faults.next(action, { kind: 'error', code: 'InvalidInstanceID.NotFound', status: 400 });
  expect(await faults(healthy)).toEqual([]);
});

test('a missing AMI is one finding, however many placements want it', async () => {
  const { fleet } = healthy;
  const placements = [{ subnet: 'subnet-a' }, { subnet: 'subnet-b' }];
  ec2.cloud.faults.next('RunInstances', { kind: 'error', code: 'InvalidAMIID.NotFound', status: 400 }, 2);
  await only(
    { ...healthy, fleet: { ...fleet!, placements } },
    { action: 'ec2:RunInstances', resource: 'image ami-1' },
    /image ami-1 \(FACEREC_AMI\) does not exist.*correct FACEREC_AMI/,
  );
});

test('an EC2 that ignores DryRun is asked nothing more', async () => {
  const asked: string[] = [];
  const careless = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      asked.push(new URLSearchParams(await request.text()).get('Action') ?? '');
      return new Response('<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>');
    },
  });
  try {
    const fleet = { ...healthy.fleet!, client: testClient(careless.url.origin) };
    const finding = await only({ ...healthy, fleet }, { action: 'ec2:DescribeInstances' }, /DryRun/);
    expect(finding?.uncertain).toBe(true);
    expect(asked).toEqual(['DescribeInstances']);
  } finally {
    await careless.stop(true);
  }
});

test('no credentials: one finding, and nothing is sent', async () => {
  const names = [
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_PROFILE',
    'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  ];
  const changed = {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
    AWS_CONFIG_FILE: '/nonexistent',
  };
  const before = [...names, ...Object.keys(changed)].map(name => [name, process.env[name]] as const);
  try {
    for (const name of names) delete process.env[name];
    Object.assign(process.env, changed);
    const sqs = new SQSClient({ region: 'us-east-1', endpoint: gate.url });
    const findings = await all({ ...healthy, sqs });
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ ok: false, action: 'credentials' });
    expect(findings[0]?.advice).toMatch(/AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/);
    expect(gate.seen).toEqual([]);
  } finally {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  }
});

test('a region that is not the queues’: one finding, and nothing is sent', async () => {
  const url = 'https://sqs.eu-central-1.amazonaws.com/000000000000/requests';
  const queues = { ...healthy.queues, requests: { url, variable: 'FACEREC_REQUEST_QUEUE' } };
  const findings = await all({ ...healthy, queues });
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatchObject({ ok: false, action: 'credentials' });
  expect(findings[0]?.advice).toMatch(/AWS_REGION is us-east-1.*FACEREC_REQUEST_QUEUE.*eu-central-1/);
  expect(gate.seen).toEqual([]);
});

for (const [what, code, advice] of [
  ['credentials that are refused', 'InvalidClientTokenId', /credentials are wrong/],
  ['a clock that is wrong', 'RequestExpired', /clock/],
] as const)
  test(`${what}: one finding, and then no more`, async () => {
    gate.refusals.set(`sqs:GetQueueAttributes requests-${run}`, { status: 403, code, message: code });
    const findings = await all(healthy);
    expect(findings.map(({ ok, action }) => [ok, action])).toEqual([
      [true, 'credentials'],
      [false, 'credentials'],
    ]);
    expect(findings[1]?.advice).toMatch(advice);
  });

test('a wrong endpoint: one finding for its service, and the others are examined', async () => {
  const port = await freePort();
  const options = { ...clientOptions(`http://127.0.0.1:${port}`), maxAttempts: 1 };
  await only(
    { ...healthy, sqs: new SQSClient(options) },
    { action: 'sqs:GetQueueAttributes' },
    /FACEREC_REQUEST_QUEUE.*cannot be reached.*AWS_ENDPOINT_URL_SQS/,
  );
  await only(
    { ...healthy, s3: s3Client(clientOptions(`http://127.0.0.1:${port}`)) },
    { action: 's3:ListBucket' },
    /FACEREC_INPUT_BUCKET.*cannot be reached.*AWS_ENDPOINT_URL_S3/,
  );
  await only(
    { ...healthy, fleet: { ...healthy.fleet!, client: testClient(`http://127.0.0.1:${port}`) } },
    { action: 'ec2:DescribeInstances' },
    /cannot be reached.*AWS_ENDPOINT_URL_EC2/,
  );
});

test('only what one program needs', async () => {
  const findings = await all({ ...healthy, programs: ['worker'] });
  expect(findings.every(({ ok, program }) => ok && program.join() === 'worker')).toBe(true);
  const actions = new Set(findings.map(({ action }) => action));
  expect(actions).not.toContain('ec2:RunInstances');
  expect(actionsOn(findings, 'bucket input')).toEqual([
    's3:ListBucket',
    // The probe at the start, and the photos.
    's3:GetObject',
    's3:GetObject',
    's3:DeleteObject',
  ]);
});

async function all(options: DoctorOptions): Promise<Finding[]> {
  return Array.fromAsync(examine(options));
}

async function faults(options: DoctorOptions): Promise<Finding[]> {
  return (await all(options)).filter(({ ok }) => !ok);
}

/** That there is one fault, that one; and that everything else was examined. */
async function only(
  options: DoctorOptions,
  expected: Partial<Finding>,
  advice: RegExp | readonly RegExp[],
): Promise<Finding | undefined> {
  const findings = await all(options);
  const found = findings.filter(({ ok }) => !ok);
  expect(found.map(({ action, resource, advice }) => ({ action, resource, advice }))).toHaveLength(1);
  expect(found[0]).toMatchObject(expected);
  for (const each of [advice].flat()) expect(found[0]?.advice).toMatch(each);
  for (const service of ['sqs:', 's3:', 'ec2:'])
    expect(findings.some(({ action }) => action.startsWith(service))).toBe(true);
  return found[0];
}

function actionsOn(findings: readonly Finding[], resource: string): string[] {
  return findings.filter(each => each.resource.includes(resource)).map(({ action }) => action);
}

async function keysOf(name: string): Promise<string[]> {
  const { Contents = [] } = await fauxqs.s3.send(new ListObjectsV2Command({ Bucket: `${name}-${run}` }));
  return Contents.map(({ Key }) => Key ?? '');
}

function denial(code: string, action: string): Refusal {
  const message = `User: arn:aws:iam::0:user/test is not authorized to perform: ${action} on resource: x`;
  return { status: 403, code, message };
}

interface Gate {
  readonly url: string;
  /** By action and the name of the queue or bucket, or a folder in it: `sqs:SendMessage requests`, `s3:PutObject photos/a/`. */
  readonly refusals: Map<string, Refusal>;
  readonly seen: { readonly action: string; readonly headers: Headers; readonly body: string }[];
  /** Makes a store that knows no conditions. */
  dropConditions: boolean;
  stop(): Promise<void>;
}

/** IAM, as it were: passes on to the server behind what it does not refuse. */
function startGate(behind: string): Gate {
  const refusals: Gate['refusals'] = new Map();
  const seen: Gate['seen'] = [];
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const body = await request.text();
      const target = request.headers.get('x-amz-target')?.replace('AmazonSQS.', '');
      const key = pathname.split('/').slice(2).join('/');
      const action = target === undefined ? `s3:${s3Action(request.method, key)}` : `sqs:${target}`;
      seen.push({ action, headers: request.headers, body });
      const { QueueName, QueueUrl } = target === undefined ? {} : JSON.parse(body);
      const name =
        target === undefined ? pathname.split('/')[1] : String(QueueName ?? QueueUrl.split('/').at(-1));
      const folder = `${name}/${key.slice(0, key.lastIndexOf('/') + 1)}`;
      const refusal = refusals.get(`${action} ${name}`) ?? refusals.get(`${action} ${folder}`);
      if (refusal) return target === undefined ? s3Refusal(refusal) : sqsRefusal(refusal);
      const headers = new Headers(request.headers);
      if (gate.dropConditions) headers.delete('if-match');
      return fetch(`${behind}${pathname}${search}`, {
        method: request.method,
        headers,
        ...(body !== '' && { body }),
      });
    },
  });
  const gate: Gate = {
    url: server.url.origin,
    refusals,
    seen,
    dropConditions: false,
    stop: () => server.stop(true),
  };
  return gate;
}

function s3Action(method: string, key: string): string {
  if (method === 'GET') return key === '' ? 'ListBucket' : 'GetObject';
  return method === 'PUT' ? 'PutObject' : 'DeleteObject';
}

function s3Refusal({ status, code, message }: Refusal): Response {
  const body = `<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return new Response(body, { status, headers: { 'content-type': 'application/xml' } });
}

function sqsRefusal({ status, code, message }: Refusal): Response {
  const body = JSON.stringify({ __type: `com.amazon.coral.service#${code}`, message });
  return new Response(body, { status, headers: { 'content-type': 'application/x-amz-json-1.0' } });
}

/** Where nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
