import { expect, test } from 'bun:test';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { S3Blobs } from '../../src/adapters/aws/blobs.ts';
import { type Permission, permissions } from '../../src/adapters/aws/permissions.ts';
import { SqsQueue } from '../../src/adapters/aws/queue.ts';
import { inputKey, resultKey } from '../../src/core/messages.ts';
import { GalleryStore } from '../../src/gallery/store.ts';
import { type Program, programs } from '../../src/variables.ts';
import { type AwsSystem, accessKeys, startAwsSystem } from '../support/awsSystem.ts';
import { photoOf } from '../support/cast.ts';
import { enrol, post } from '../support/client.ts';
import { matches as isLike } from '../support/ec2/query.ts';
import { type RecordedCall, startRecorder } from '../support/recorder.ts';
import { until } from '../support/temporary.ts';

const FLEET = 'facerec';
const queues = { requests: 'requests', responses: 'responses', deadLetters: 'dead-letters' } as const;
const buckets = {
  input: { bucket: 'photos', prefix: '' },
  output: { bucket: 'results', prefix: '' },
  gallery: { bucket: 'results', prefix: 'gallery/' },
} as const;

test('the programs call what the table of permissions lists, and nothing else', async () => {
  const recorder = startRecorder();
  const system = await startAwsSystem({
    before: recorder.before,
    settings: {
      FACEREC_MIN_INSTANCES: '0',
      FACEREC_MAX_INSTANCES: '1',
      FACEREC_IDLE_SECONDS: '5',
      FACEREC_MIN_RUNTIME_SECONDS: '5',
      // Less than the queue's own redrive: workers send dead letters themselves.
      FACEREC_MAX_RECEIVES: '2',
      FACEREC_INSTANCE_PROFILE: 'workers',
    },
  });
  await livesThroughEverything(system);
  await system.stop();
  await recorder.stop();

  const called = recorder.calls.filter(({ caller }) => programOf(caller) !== undefined);
  const unlisted = called.filter(call => !permissions.some(each => covers(each, call))).map(shown);
  expect([...new Set(unlisted)]).toEqual([]);
  const uncalled = permissions.filter(
    each => each.seldom === undefined && !called.some(call => covers(each, call)),
  );
  expect(uncalled).toEqual([]);
  const strangers = recorder.calls.filter(({ caller }) => !programOf(caller) && caller !== 'test');
  expect(strangers).toEqual([]);
  console.log(`what each program touches:\n${touched(called).join('\n')}`);
}, 600_000);

/** Uploads, enrolments, deletions, dead letters, launch, drain and leave. */
async function livesThroughEverything({ url, aws, ec2 }: AwsSystem): Promise<void> {
  const photo = await photoOf('ada');
  const answered = async (path: string) => (await fetch(new URL(path, url))).status;
  const [input, output] = [buckets.input, buckets.output].map(
    ({ bucket }) => new S3Blobs({ client: aws.s3, bucket }),
  ) as [S3Blobs, S3Blobs];
  const gallery = new S3Blobs({ client: aws.s3, ...buckets.gallery });
  const requestsUrl = await aws.queueUrl('requests');
  const requests = new SqsQueue({ clients: aws.sqs, url: requestsUrl });
  const asOthers = new GalleryStore({ blobs: gallery });
  const request = (rest: object) => ({ v: 1, id: Bun.randomUUIDv7(), file: 'ada.jpg', ...rest });

  // A photo that somebody else has had in hands before the first worker: it may have been answered.
  const again = request({ kind: 'recognise' });
  await input.put(inputKey(again), photo);
  await requests.send(JSON.stringify(again));
  await aws.sqs.calls.send(new ReceiveMessageCommand({ QueueUrl: requestsUrl, VisibilityTimeout: 0 }));
  await until(async () => (await answered(`results/${again.id}?wait=60`)) === 200, 'it is answered', 120_000);

  for (const name of ['ada', 'ben'])
    expect((await enrol(url, name, name, { file: `${name}.jpg`, bytes: photo })).status).toBe(201);
  expect((await post(new URL('?wait=60', url), { file: 'ada.jpg', bytes: photo })).status).toBe(200);
  expect(await answered(`results/${Bun.randomUUIDv7()}`)).toBe(404);
  expect(await answered('readyz')).toBe(200);

  // Photos of a face that another web server has removed are the controller's to erase.
  await asOthers.refresh();
  const { face } = asOthers.gallery.person('ben')!.faces[0]!;
  await asOthers.append([{ type: 'face-removed', face, at: Bun.randomUUIDv7() }]);
  const isErased = async () =>
    (await Promise.all([input, output].map(store => store.list(`${face}/`)))).flat().length === 0;
  await until(isErased, 'the photos of a removed face are erased', 60_000);
  // What was written together with somebody who is removed is written again without.
  const named = (person: string) =>
    ({ type: 'person', person, name: person, at: Bun.randomUUIDv7() }) as const;
  await asOthers.append([named('ada'), named('cy')]);
  const deletion = await fetch(new URL('people/ada', url), { method: 'DELETE' });
  expect(deletion.status).toBe(204);
  const isForgotten = async () => {
    const segments = await Promise.all((await gallery.list('segments/')).map(({ key }) => gallery.get(key)));
    return segments.every(stored => !new TextDecoder('latin1').decode(stored?.body).includes('"name":"ada"'));
  };
  await until(isForgotten, 'the gallery is compacted', 60_000);

  const late = request({ kind: 'enrol', person: 'ada' });
  await input.put(inputKey(late), photo);
  await requests.send(JSON.stringify(late));
  await until(async () => !(await input.get(inputKey(late))), 'who is gone is not enrolled', 60_000);

  const dead = request({ v: 99, kind: 'of another version' });
  await requests.send(JSON.stringify(dead));
  await until(async () => Boolean(await output.get(resultKey(dead))), 'a dead letter is answered', 120_000);

  await until(() => ec2.cloud.live().length === 0, 'the worker leaves, as nothing is to be done', 120_000);
}

function programOf(caller: string): Program | undefined {
  return programs.find(program => accessKeys[program] === caller);
}

/** Whether a policy made of this permission would allow the call. */
function covers({ program, action, target, conditions }: Permission, call: RecordedCall): boolean {
  if (accessKeys[program] !== call.caller || action !== call.action) return false;
  if ('queue' in target) return queues[target.queue] === call.resource;
  if ('bucket' in target) {
    const { bucket, prefix } = buckets[target.bucket];
    if (bucket !== call.resource || !call.key.startsWith(prefix)) return false;
    const patterns = 'keys' in target ? [target.keys] : target.lists;
    return patterns.some(pattern => matches(pattern, call.key.slice(prefix.length)));
  }
  return Object.values(conditions ?? {}).every(keys =>
    Object.entries(keys).every(([key, values]) => isMet(key, [values].flat(), call.parameters)),
  );
}

function matches(pattern: string, text: string): boolean {
  return isLike(pattern.replace('{fleet}', FLEET), text);
}

/** Those conditions of which the request itself tells. */
function isMet(key: string, values: readonly string[], parameters: URLSearchParams): boolean {
  const allowed = values.map(value => value.replace('{fleet}', FLEET));
  const action = parameters.get('Action');
  const tags = [...parameters]
    .filter(([name]) => /(^|\.)Tag\.\d+\.Key$/.test(name))
    .map(([name, tag]) => ({ of: name, tag, value: parameters.get(name.replace(/Key$/, 'Value')) ?? '' }));
  if (key === 'ec2:CreateAction') return allowed.includes(action ?? '');
  if (key === 'aws:TagKeys') return action === 'CreateTags' && tags.every(({ tag }) => allowed.includes(tag));
  const requested = /^aws:RequestTag\/(.+)$/.exec(key)?.[1];
  if (requested === undefined) return true;
  // On everything that is tagged at the launch: instances and volumes.
  const tagged = [...parameters.keys()].filter(name => /^TagSpecification\.\d+\.ResourceType$/.test(name));
  return (
    tagged.length === 2 &&
    tagged.every(name =>
      tags.some(
        ({ of, tag, value }) =>
          of.startsWith(name.replace('ResourceType', 'Tag.')) && tag === requested && allowed.includes(value),
      ),
    )
  );
}

function shown({ caller, action, resource, key }: RecordedCall): string {
  return `${programOf(caller)} ${action} ${resource} ${key}`.trim();
}

/** One line for each program, action and kind of key. */
function touched(calls: readonly RecordedCall[]): string[] {
  const lines = calls.map(call =>
    shown(call)
      .replace(/ 0[0-9a-f-]{20,}\/.*$/, ' 0*')
      .replace(/[0-9a-f-]{36}$|i-\w+$/, '*'),
  );
  return [...new Set(lines)].sort();
}

/** Published prices of us-east-1, dollars a call. */
const prices = { put: 0.005 / 1_000, get: 0.0004 / 1_000, sqs: 0.4 / 1_000_000 };
const MINUTES_A_MONTH = 30 * 24 * 60;
const LOOKED_AT_EVERY_MS = 5_000;

test('an idle service calls AWS seldom', async () => {
  const workers = 5;
  const recorder = startRecorder();
  const system = await startAwsSystem({
    before: recorder.before,
    settings: { FACEREC_MIN_INSTANCES: `${workers}`, FACEREC_MAX_INSTANCES: `${workers}` },
  });
  const heartbeats = () =>
    Map.groupBy(
      recorder.calls.filter(({ action, key }) => action === 's3:PutObject' && /^fleet\/.*i-\w+$/.test(key)),
      ({ key }) => key,
    );
  const beating = (times: number) => () => {
    const each = [...heartbeats().values()];
    return each.length === workers && each.every(beats => beats.length >= times);
  };
  await until(beating(1), 'all workers are there', 120_000);
  // As load balancers do.
  const probing = setInterval(() => void fetch(new URL('readyz', system.url)), LOOKED_AT_EVERY_MS);
  const begun = performance.now();
  recorder.calls.length = 0;
  await until(beating(4), 'an idle minute has passed', 300_000);
  const calls = [...recorder.calls];
  const minutes = (performance.now() - begun) / 60_000;
  clearInterval(probing);
  await system.stop();
  await recorder.stop();

  const perMinute = (program: Program, kind: RegExp, key = /^/) =>
    calls.filter(call => programOf(call.caller) === program && kind.test(call.action) && key.test(call.key))
      .length / minutes;
  const costOf = (program: Program) =>
    MINUTES_A_MONTH *
    (prices.put * perMinute(program, /^s3:(PutObject|ListBucket)/) +
      prices.get * perMinute(program, /^s3:GetObject/) +
      prices.sqs * perMinute(program, /^sqs:/));
  console.log(`calls a minute, idle, over ${minutes.toFixed(1)} minutes, ${workers} workers:`);
  for (const program of programs) {
    const own = Object.entries(
      Object.groupBy(
        calls.filter(({ caller }) => programOf(caller) === program),
        ({ action, key }) => `${action} ${key.replace(/i-\w+$/, '*')}`.trim(),
      ),
    ).map(([name, made = []]) => `  ${name} ${(made.length / minutes).toFixed(1)}`);
    console.log(`${program}: ${costOf(program).toFixed(2)} dollars a month\n${own.sort().join('\n')}`);
  }

  const everything = /^/;
  expect(perMinute('worker', everything) / workers).toBeLessThanOrEqual(15);
  expect(perMinute('worker', everything, /^gallery\//)).toBe(0);
  const counts = /^fleet\/\w+\/web\//;
  // A dollar a month for each web server: what it accepts is known a second later.
  expect(perMinute('controller', /^s3:/, counts)).toBeLessThanOrEqual(66);
  expect(perMinute('web', /^s3:PutObject/)).toBeLessThan(2);
  expect(perMinute('controller', /^s3:/, /^(?!fleet\/\w+\/web\/)/)).toBeLessThanOrEqual(36 + 6 * workers);
  expect(perMinute('controller', /^sqs:/)).toBeLessThanOrEqual(80);
  expect(perMinute('controller', /^ec2:/)).toBeLessThanOrEqual(10);
  // Beside the answers to the load balancer: long polls.
  expect(perMinute('web', /^sqs:ReceiveMessage/)).toBeLessThanOrEqual(5);
  expect(perMinute('web', everything, /^gallery\//)).toBeLessThanOrEqual(8);
}, 600_000);
