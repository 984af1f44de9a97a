import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startImds } from '../support/ec2/imds.ts';
import { startEc2 } from '../support/ec2/server.ts';
import { settingsOf } from '../support/ec2/worker.ts';
import { type Fauxqs, startFauxqs } from '../support/fauxqs.ts';
import { run } from '../support/system.ts';
import { until } from '../support/temporary.ts';

let aws: Fauxqs;
let home: string;
beforeAll(async () => {
  aws = await startAccount();
  home = await mkdtemp(join(tmpdir(), 'facerec-home-'));
});
afterAll(async () => {
  await aws.stop();
  await rm(home, { recursive: true });
});

/** With the queues and buckets that the settings name. */
async function startAccount(): Promise<Fauxqs> {
  const account = await startFauxqs();
  for (const queue of ['requests', 'responses', 'dead']) await account.queue(queue);
  for (const bucket of ['photos', 'results']) await account.bucket(bucket);
  return account;
}

function settings(): Record<string, string> {
  return {
    FACEREC_BACKEND: 'aws',
    FACEREC_HOST: '127.0.0.1',
    FACEREC_PORT: '0',
    FACEREC_REQUEST_QUEUE: 'requests',
    FACEREC_RESPONSE_QUEUE: 'responses',
    FACEREC_DEAD_LETTER_QUEUE: 'dead',
    FACEREC_INPUT_BUCKET: 'photos',
    FACEREC_OUTPUT_BUCKET: 'results',
    FACEREC_AMI: 'ami-0123456789abcdef0',
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_SQS: aws.url,
    AWS_ENDPOINT_URL_S3: aws.url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_EC2_METADATA_DISABLED: 'true',
    FACEREC_START_PATIENCE: '0',
    HOME: home,
  };
}

async function outcome(program: string, changed: Record<string, string>, words: string[] = []) {
  const running = run(`src/${program}.ts`, { ...settings(), ...changed }, words);
  await running.child.exited;
  return { code: await running.end(), output: running.output() };
}

interface Passing {
  readonly method: string;
  readonly headers: Headers;
}

/** Stands in front of a server; `first` may change a request, or answer it. */
function inFront(behind: string, first: (request: Passing) => Response | Promise<Response> | undefined) {
  return Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 60,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const { method } = request;
      const headers = new Headers(request.headers);
      const body = new Uint8Array(await request.arrayBuffer());
      const answer = await first({ method, headers });
      if (answer) return answer;
      return fetch(`${behind}${pathname}${search}`, { method, headers, ...(body.length > 0 && { body }) });
    },
  });
}

describe('what is wrong with the account is said at the start, by resource and variable, with exit code 78', () => {
  test.each(['web', 'controller'])('%s: a queue that is not there', async program => {
    const { code, output } = await outcome(program, { FACEREC_RESPONSE_QUEUE: 'nowhere' });
    for (const word of ['FACEREC_RESPONSE_QUEUE', 'nowhere']) expect(output).toContain(word);
    expect(output).not.toMatch(/^ +at /m);
    expect(code).toBe(78);
  });

  test('a bucket that is not there', async () => {
    const { code, output } = await outcome('web', { FACEREC_OUTPUT_BUCKET: 'nowhere' });
    for (const word of ['FACEREC_OUTPUT_BUCKET', 'nowhere']) expect(output).toContain(word);
    expect(code).toBe(78);
  });

  test.each(['web', 'controller', 'worker'])(
    '%s: each bucket and queue that it uses',
    async program => {
      const misspelt = {
        FACEREC_INPUT_BUCKET: 'no-photos',
        FACEREC_OUTPUT_BUCKET: 'no-results',
        FACEREC_GALLERY_BUCKET: 'no-people',
        FACEREC_REQUEST_QUEUE: `${aws.url}/000000000000/no-requests`,
        FACEREC_RESPONSE_QUEUE: `${aws.url}/000000000000/no-responses`,
        FACEREC_DEAD_LETTER_QUEUE: `${aws.url}/000000000000/no-letters`,
      };
      for (const [variable, value] of Object.entries(misspelt)) {
        const { code, output } = await outcome(program, { FACEREC_INSTANCE_ID: 'i-1', [variable]: value });
        expect(output).toContain(`${value}`);
        expect(output).toContain(`(${variable}) does not exist`);
        expect(code).toBe(78);
      }
    },
    120_000,
  );

  test.each(['SQS', 'S3'])('a web server in the place of %s', async service => {
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () =>
        new Response('<html><body>Welcome</body></html>', { headers: { 'content-type': 'text/html' } }),
    });
    const variable = `AWS_ENDPOINT_URL_${service}`;
    const { code, output } = await outcome('web', { [variable]: server.url.origin });
    expect(output).toContain(`this does not look like ${service}; check ${variable}`);
    expect(output).not.toMatch(/^ +at /m);
    expect(code).toBe(78);
    await server.stop(true);
  });

  test('a store that ignores conditions, where a lease needs them', async () => {
    const careless = inFront(aws.url, request => {
      for (const name of ['if-match', 'if-none-match']) request.headers.delete(name);
      return undefined;
    });
    const store = { AWS_ENDPOINT_URL_S3: careless.url.origin, FACEREC_FLEET: 'careless' };
    const { code, output } = await outcome('controller', store);
    for (const word of ['FACEREC_OUTPUT_BUCKET', 'FACEREC_LEASE=off']) expect(output).toContain(word);
    expect(code).toBe(78);
    const alone = run('src/controller.ts', { ...settings(), ...store, FACEREC_LEASE: 'off' });
    await alone.said(/"event":"acting"/);
    expect(await alone.end()).toBe(0);
    await careless.stop(true);
  }, 60_000);

  test('no credentials', async () => {
    const { code, output } = await outcome('web', { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' });
    expect(output).toMatch(/credentials/i);
    expect(code).toBe(78);
  });

  test('no region', async () => {
    const { code, output } = await outcome('web', { AWS_REGION: '' });
    expect(output).toContain('AWS_REGION');
    expect(code).toBe(78);
  });

  test('nothing to launch workers from', async () => {
    const { code, output } = await outcome('controller', { FACEREC_AMI: '' });
    expect(output).toContain('FACEREC_LAUNCH_TEMPLATE or FACEREC_AMI');
    expect(code).toBe(78);
  });
});

describe('what may come late is waited for at the start', () => {
  const patient = { FACEREC_START_PATIENCE: '3600' };
  const fromInstance = {
    AWS_ACCESS_KEY_ID: '',
    AWS_SECRET_ACCESS_KEY: '',
    AWS_EC2_METADATA_DISABLED: '',
    ...patient,
  };
  const serves = /facerec-web listens on/;
  const waits = /"event":"waiting-for-aws"[^\n]*/;
  const instanceId = 'i-0123456789abcdef0';

  test('credentials and the region, which the instance tells', async () => {
    const imds = startImds({ instanceId });
    imds.mode = 'failing';
    const endpoint = { AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.url };
    const web = run('src/web.ts', { ...settings(), ...fromInstance, ...endpoint, AWS_REGION: '' });
    const [told] = await web.said(waits);
    expect(told).toContain('AWS_REGION');
    expect(told).toContain('"waitSeconds":3600');
    imds.mode = 'answering';
    await web.said(serves);
    expect(await web.end()).toBe(0);
    await imds.close();
  });

  test('credentials alone: said once, however often they are asked for', async () => {
    const imds = startImds({ instanceId });
    imds.mode = 'failing';
    const endpoint = { AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.url };
    const web = run('src/web.ts', { ...settings(), ...fromInstance, ...endpoint });
    const [told] = await web.said(waits);
    expect(told).toMatch(/no AWS credentials were found; attach an instance profile/);
    const asked = () => imds.calls.get('/latest/api/token') ?? 0;
    const before = asked();
    await until(() => asked() > before + 2, 'it tries again');
    imds.mode = 'answering';
    await web.said(serves);
    expect(web.output().match(/waiting-for-aws/g)).toHaveLength(1);
    expect(await web.end()).toBe(0);
    await imds.close();
  });

  test('but not a queue or a bucket: a misspelt name is told at once', async () => {
    for (const misspelt of [{ FACEREC_RESPONSE_QUEUE: 'no-queue' }, { FACEREC_OUTPUT_BUCKET: 'no-bucket' }]) {
      const { code, output } = await outcome('web', { ...patient, ...misspelt });
      expect(output).toContain(Object.keys(misspelt)[0] as string);
      expect(output).not.toMatch(waits);
      expect(code).toBe(78);
    }
  });

  test('a permission', async () => {
    let allowed = false;
    const denial = '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>';
    const iam = inFront(aws.url, () => (allowed ? undefined : new Response(denial, { status: 403 })));
    const web = run('src/web.ts', { ...settings(), ...patient, AWS_ENDPOINT_URL_S3: iam.url.origin });
    const [told] = await web.said(waits);
    expect(told).toContain('s3:');
    expect(told).toContain('FACEREC_OUTPUT_BUCKET');
    allowed = true;
    await web.said(serves);
    expect(await web.end()).toBe(0);
    await iam.stop(true);
  });

  test('the metadata service, which tells a worker who it is', async () => {
    const imds = startImds({ instanceId });
    imds.mode = 'failing';
    const endpoint = { AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.url };
    const worker = run('src/worker.ts', { ...settings(), ...patient, ...endpoint });
    const [told] = await worker.said(waits);
    expect(told).toContain('metadata');
    imds.mode = 'answering';
    await worker.said(new RegExp(`"event":"ready","instance":"${instanceId}"`));
    expect(await worker.end()).toBe(0);
    await imds.close();
  });

  test.each(['web', 'controller', 'worker'])('%s: SIGTERM ends the wait, and is no fault', async program => {
    const imds = startImds({ instanceId });
    imds.mode = 'silent';
    const endpoint = { AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.url };
    const waiting = run(`src/${program}.ts`, { ...settings(), ...fromInstance, ...endpoint });
    const asked = () => imds.calls.get('/latest/api/token') ?? 0;
    await until(() => asked() > 0, 'credentials are asked for');
    expect(await waiting.end()).toBe(0);
    expect(waiting.output()).not.toMatch(/^ +at /m);
    await imds.close();
  });
});

test('an endpoint where nobody listens is said in a sentence, with exit code 78', async () => {
  const { code, output } = await outcome('web', { AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:1' });
  // The queues are looked up side by side; whichever fails first is named.
  expect(output).toMatch(/FACEREC_(REQUEST|RESPONSE|DEAD_LETTER)_QUEUE/);
  for (const word of ['cannot be reached', 'AWS_ENDPOINT_URL_SQS']) expect(output).toContain(word);
  expect(output).not.toMatch(/^ +at /m);
  expect(code).toBe(78);
});

test('an endpoint that is no URL is said by variable, with exit code 78', async () => {
  const { code, output } = await outcome('web', { AWS_ENDPOINT_URL_S3: 'nonsense' });
  expect(output).toContain('AWS_ENDPOINT_URL_S3');
  expect(code).toBe(78);
});

test('a service that loses its queue and store serves what it can and says so', async () => {
  const own = await startAccount();
  const endpoints = { AWS_ENDPOINT_URL_SQS: own.url, AWS_ENDPOINT_URL_S3: own.url };
  const web = run('src/web.ts', { ...settings(), ...endpoints });
  const [, url] = await web.said(/facerec-web listens on (\S+)/);
  expect((await fetch(new URL('readyz', url))).status).toBe(200);
  await own.stop();
  const unready = await fetch(new URL('readyz', url));
  expect(unready.status).toBe(503);
  expect(await unready.json()).toMatchObject({ failing: expect.arrayContaining(['requests', 'input']) });
  expect((await fetch(new URL('healthz', url))).status).toBe(200);
  expect(await web.end()).toBe(0);
  expect(web.output()).not.toMatch(/unhandled|uncaught/i);
}, 120_000);

test.each(['fails', 'does not answer'])(
  'the controller stops in time and without fault while AWS %s',
  async how => {
    let broken = false;
    const asked = { s3: 0, sqs: 0, ec2: 0 };
    const breaks = (service: keyof typeof asked, behind: string) =>
      inFront(behind, () => {
        if (!broken) return undefined;
        asked[service]++;
        if (how === 'fails') return new Response('<Error><Code>SlowDown</Code></Error>', { status: 503 });
        return new Promise<Response>(() => {});
      });
    const cloud = await startEc2();
    const servers = [breaks('s3', aws.url), breaks('sqs', aws.url), breaks('ec2', cloud.url)];
    const [s3, sqs, ec2] = servers.map(({ url }) => url.origin) as [string, string, string];
    const controller = run('src/controller.ts', {
      ...settings(),
      FACEREC_FLEET: `stopping-${how.length}`,
      FACEREC_MIN_INSTANCES: '0',
      AWS_ENDPOINT_URL_S3: s3,
      AWS_ENDPOINT_URL_SQS: sqs,
      AWS_ENDPOINT_URL_EC2: ec2,
    });
    await controller.said(/"event":"acting"/);
    broken = true;
    await until(() => Object.values(asked).every(Boolean), 'calls of all kinds are under way', 60_000);
    const asksToStop = performance.now();
    expect(await controller.end()).toBe(0);
    console.log(`AWS ${how}: stopped after ${((performance.now() - asksToStop) / 1000).toFixed(1)} s`);
    expect(controller.output()).toMatch(/"event":"(lease-not-released|calls-left-behind)"/);
    expect(controller.output()).not.toMatch(/^ +at /m);
    for (const server of servers) await server.stop(true);
    await cloud.close();
  },
  180_000,
);

test('user-data is what the launch would send, with no credentials in it', async () => {
  const { code, output } = await outcome('controller', { FACEREC_THRESHOLD: '0.5' }, ['user-data']);
  expect(code).toBe(0);
  expect(settingsOf(output)).toMatchObject({
    FACEREC_BACKEND: 'aws',
    FACEREC_REQUEST_QUEUE: 'requests',
    FACEREC_THRESHOLD: '0.5',
    AWS_REGION: 'us-east-1',
  });
  expect(output).not.toContain('AWS_ACCESS_KEY_ID');
  expect(output).not.toContain('AWS_SECRET_ACCESS_KEY');
});

test('the doctor: a line each, exit code 0 when all is fine, and what to fix otherwise', async () => {
  const ec2 = await startEc2();
  const changed = { AWS_ENDPOINT_URL_EC2: ec2.url, FACEREC_MAX_RECEIVES: '5' };
  const deadLetters = await aws.queue('doctor-dead');
  await aws.queue('doctor-requests', {
    redrive: { url: deadLetters, maxReceives: 5 },
    visibilitySeconds: 30,
  });
  const healthy = {
    FACEREC_REQUEST_QUEUE: 'doctor-requests',
    FACEREC_DEAD_LETTER_QUEUE: 'doctor-dead',
    ...changed,
  };
  const fine = await outcome('controller', healthy, ['doctor']);
  expect(fine.output).not.toMatch(/^fix/m);
  for (const action of ['sqs:SendMessage', 's3:PutObject', 'ec2:RunInstances'])
    expect(fine.output).toContain(`fine  ${action}`);
  expect(fine.code).toBe(0);
  expect(ec2.cloud.live()).toEqual([]);

  ec2.cloud.faults.denied.add('ec2:RunInstances');
  const broken = await outcome('controller', { ...changed, FACEREC_MAX_RECEIVES: '7' }, ['doctor']);
  expect(broken.output).toMatch(/^fix .*ec2:RunInstances/m);
  expect(broken.output).toMatch(/^fix .*FACEREC_REQUEST_QUEUE/m);
  expect(broken.code).toBe(1);
  await ec2.close();
}, 120_000);

test('of two controllers one launches; the other takes over within 30 s of its death', async () => {
  const ec2 = await startEc2();
  const controllers = {
    FACEREC_MIN_INSTANCES: '2',
    FACEREC_MAX_INSTANCES: '2',
    AWS_ENDPOINT_URL_EC2: ec2.url,
  };
  const first = run('src/controller.ts', { ...settings(), ...controllers });
  await first.said(/"event":"lease-taken"/);
  const second = run('src/controller.ts', { ...settings(), ...controllers });
  await second.said(/"event":"standing-by"/);
  await first.end('SIGKILL');
  const died = performance.now();
  await second.said(/"event":"lease-taken"/, 120_000);
  console.log(
    `lease: taken over ${((performance.now() - died) / 1000).toFixed(1)} s after the holder's death`,
  );
  expect(ec2.cloud.live().length).toBeLessThanOrEqual(2);
  expect(await second.end()).toBe(0);
  await ec2.close();
}, 180_000);
