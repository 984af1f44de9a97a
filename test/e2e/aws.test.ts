import { expect, test } from 'bun:test';
import { S3Blobs } from '../../src/adapters/aws/blobs.ts';
import type { Recognised } from '../../src/core/results.ts';
import { type AwsSystem, startAwsSystem } from '../support/awsSystem.ts';
import { cast, known, photoOf } from '../support/cast.ts';
import { enrol, post } from '../support/client.ts';
import { groupPhoto } from '../support/photos.ts';
import { until } from '../support/temporary.ts';

const photos = await Promise.all(known.map(photoOf));

/** Three faces each, so that a burst lasts long enough for the fleet to grow. */
const groups = await Promise.all(
  known.map((name, i) => groupPhoto([cast[name], cast.eve, cast[known[(i + 1) % known.length]!]])),
);

async function enrolKnown(system: AwsSystem): Promise<void> {
  for (const [i, name] of known.entries()) {
    const answer = await enrol(system.url, name, name, { file: `${name}.jpg`, bytes: photos[i]! });
    expect(answer.status).toBe(201);
  }
}

/** SQS and S3 calls of all processes since then, a photo. */
function callsSince(
  before: ReadonlyMap<string, number>,
  { aws }: AwsSystem,
  photos: number,
): { sqs: number; text: string } {
  const calls = [...aws.calls].map(([name, n]) => [name, (n - (before.get(name) ?? 0)) / photos] as const);
  const total = (service: string) =>
    calls.filter(([name]) => name.startsWith(service)).reduce((sum, [, n]) => sum + n, 0);
  const each = calls.filter(([, n]) => n > 0).map(([name, n]) => `${name} ${n.toFixed(2)}`);
  const sqs = total('sqs');
  const text = `calls a photo: SQS ${sqs.toFixed(2)}, S3 ${total('s3').toFixed(2)} (${each.join(', ')})`;
  return { sqs, text };
}

/** Posts 200 photos at once; resolves to the ids with the names that must be among the answers. */
async function burst(system: AwsSystem): Promise<{ id: string; names: string[] }[]> {
  return Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const n = i % known.length;
      const answer = await post(system.url, { file: `photo-${i}.jpg`, bytes: groups[n]! });
      expect(answer.status).toBe(202);
      const { id } = (await answer.json()) as { id: string };
      return { id, names: [known[n]!, 'unknown', known[(n + 1) % known.length]!].sort() };
    }),
  );
}

/** Every photo is answered rightly, and the output bucket holds one result for each. */
async function expectAnswers(system: AwsSystem, posted: { id: string; names: string[] }[]): Promise<void> {
  const stored = new S3Blobs({ client: system.aws.s3, bucket: 'results' });
  for (const { id, names } of posted) {
    const answered = async () => (await fetch(new URL(`results/${id}?wait=60`, system.url))).status === 200;
    await until(answered, `an answer for ${id}`, 300_000);
    const result = (await (await fetch(new URL(`results/${id}`, system.url))).json()) as Recognised;
    expect({ id, status: result.status, names: result.faces?.map(face => face.label).sort() }).toEqual({
      id,
      status: 'done',
      names,
    });
    expect(await stored.list(`${id}/`)).toHaveLength(1);
  }
}

/** Holds the workers that start still, while it is to: what the controller sees then depends on no machine's speed. */
class Brake {
  on = false;
  #held: Bun.Subprocess[] = [];

  readonly onWorker = (worker: Bun.Subprocess) => {
    if (!this.on) return;
    worker.kill('SIGSTOP');
    this.#held.push(worker);
  };

  release(): void {
    this.on = false;
    for (const worker of this.#held.splice(0)) worker.kill('SIGCONT');
  }
}

test('a burst of 200 photos: five instances become fifteen and five again, each photo answered once', async () => {
  const system = await startAwsSystem({
    settings: {
      // So many messages, so many instances, however fast this machine is.
      FACEREC_SCALING: 'seed',
      FACEREC_IDLE_SECONDS: '5',
      FACEREC_MIN_RUNTIME_SECONDS: '5',
      // All at once: instances of this test boot faster, and photos are done faster, than on EC2.
      FACEREC_LAUNCH_BATCH: '10',
    },
  });
  const live = () => system.ec2.cloud.live().length;
  let peak = 0;
  const watching = setInterval(() => {
    peak = Math.max(peak, live());
  }, 20);
  await until(() => live() === 5, 'the minimum is there', 120_000);
  await enrolKnown(system);
  // The five hold still until the controller has seen the burst, however fast this machine is.
  const five = [...system.workers.values()];
  for (const worker of five) worker.kill('SIGSTOP');
  const before = new Map(system.aws.calls);
  const posted = await burst(system);
  await until(() => live() === 15, 'the maximum is there', 120_000);
  for (const worker of five) worker.kill('SIGCONT');
  await until(async () => (await system.aws.waiting('requests')) === 0, 'the queue is empty', 300_000);
  const calls = callsSince(before, system, posted.length);
  await expectAnswers(system, posted);
  await until(() => live() === 5, 'back to the minimum, by drain grants and goodbyes', 240_000);
  clearInterval(watching);
  expect(peak).toBe(15);
  expect(system.ec2.cloud.calls.get('TerminateInstances')).toBeUndefined();
  console.log(
    `aws burst: 200 photos, ${peak} instances at the peak; ${calls.text}; EC2 calls ${JSON.stringify(Object.fromEntries(system.ec2.cloud.calls))}`,
  );
  await system.stop();
}, 900_000);

test('a steady burst costs at most 1.5 SQS calls a photo, or what the clock sends on a slow machine', async () => {
  const system = await startAwsSystem({
    settings: { FACEREC_MIN_INSTANCES: '1', FACEREC_MAX_INSTANCES: '1' },
  });
  await enrolKnown(system);
  const before = new Map(system.aws.calls);
  const begun = performance.now();
  const posted = await burst(system);
  await until(async () => (await system.aws.waiting('requests')) === 0, 'the queue is empty', 300_000);
  const photosPerSecond = posted.length / ((performance.now() - begun) / 1000);
  const calls = callsSince(before, system, posted.length);
  await expectAnswers(system, posted);
  console.log(`aws steady burst, one worker, ${photosPerSecond.toFixed(1)} photos a second: ${calls.text}`);
  // What is sent by the clock (a batch of completions four times a second, and so on) weighs more on a slow machine.
  expect(calls.sqs).toBeLessThanOrEqual(Math.max(1.5, 0.4 + 10 / photosPerSecond));
  await system.stop();
}, 900_000);

test('a batch client from zero: 100 photos, fifteen instances, and back to none', async () => {
  const brake = new Brake();
  const system = await startAwsSystem({
    onWorker: brake.onWorker,
    settings: {
      FACEREC_REPLY: 'result',
      FACEREC_SCALING: 'seed',
      FACEREC_MIN_INSTANCES: '0',
      FACEREC_MAX_INSTANCES: '15',
      FACEREC_LAUNCH_BATCH: '15',
      FACEREC_IDLE_SECONDS: '5',
      FACEREC_MIN_RUNTIME_SECONDS: '5',
    },
  });
  const live = () => system.ec2.cloud.live().length;
  let peak = 0;
  const watching = setInterval(() => {
    peak = Math.max(peak, live());
  }, 20);
  await enrolKnown(system);
  await until(() => live() === 0, 'nobody is there when there is nothing to do', 240_000);
  peak = 0;
  brake.on = true;
  const before = new Map(system.aws.calls);
  const posted = Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const n = i % known.length;
      const upload = { file: `test_${i}.jpg`, bytes: photos[n]!, headers: { accept: '*/*' } };
      const answer = await post(system.url, upload);
      return { status: answer.status, name: (await answer.text()).split(':')[1]?.trim() };
    }),
  );
  await until(() => live() === 15, 'the maximum is there', 240_000);
  brake.release();
  const answers = await posted;
  const calls = callsSince(before, system, 100);
  expect(answers).toEqual(answers.map((_, i) => ({ status: 200, name: known[i % known.length]! })));
  await until(() => live() === 0, 'back to none', 240_000);
  clearInterval(watching);
  expect(peak).toBe(15);
  console.log(`aws from zero: 100 photos, peak ${peak}; ${calls.text}`);
  await system.stop();
}, 900_000);

test('the law from zero: the first photo brings one instance, a burst more, and they leave; plan only looks', async () => {
  const brake = new Brake();
  const system = await startAwsSystem({
    onWorker: brake.onWorker,
    settings: {
      FACEREC_REPLY: 'result',
      FACEREC_MIN_INSTANCES: '0',
      FACEREC_MIN_RUNTIME_SECONDS: '5',
    },
  });
  const { cloud } = system.ec2;
  const live = () => cloud.live().length;
  let peak = 0;
  const watching = setInterval(() => {
    peak = Math.max(peak, live());
  }, 20);
  const [name] = known;
  const enrolled = await enrol(system.url, name!, name!, { file: `${name}.jpg`, bytes: photos[0]! });
  expect(enrolled.status).toBe(201);
  expect(peak).toBe(1);
  await until(() => live() === 0, 'nobody is there when there is nothing to do', 240_000);
  brake.on = true;
  const posted = Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const answer = await post(system.url, { file: `test_${i}.jpg`, bytes: photos[0]! });
      return { status: answer.status, name: (await answer.text()).split(':')[1]?.trim() };
    }),
  );
  await until(() => live() > 1, 'more than one is there', 240_000);
  brake.release();
  const answers = await posted;
  expect(answers).toEqual(answers.map(() => ({ status: 200, name: name! })));
  expect(peak).toBeLessThanOrEqual(15);
  await until(() => live() === 0, 'back to none', 240_000);
  clearInterval(watching);
  expect(cloud.calls.get('TerminateInstances')).toBeUndefined();
  await system.controller.said(/"event":"decision".*"launch":\["\d+".*"reasons":\["launch \d+: \d+ pending/);
  await system.controller.said(/"event":"decision".*"drain":\["i-.*"reasons":\["drain \d+: /);
  const launches = cloud.calls.get('RunInstances');
  const planned = system.command('controller', ['plan', '--json']);
  await planned.child.exited;
  const { desired, instances, reasons } = JSON.parse(planned.output().slice(planned.output().indexOf('{')));
  expect({ desired, instances, reasons, code: await planned.end() }).toEqual({
    ...{ desired: 0, instances: [], reasons: [], code: 0 },
  });
  expect(cloud.calls.get('RunInstances')).toBe(launches);
  await system.stop();
}, 900_000);

test('the same while workers and the controller are killed, Describe lags and replies are lost', async () => {
  const system = await startAwsSystem({
    settings: { FACEREC_IDLE_SECONDS: '600', FACEREC_LAUNCH_BATCH: '10' },
    cloud: { newLagMs: 20_000, stateLagMs: 20_000 },
  });
  const { cloud } = system.ec2;
  cloud.faults.take = action =>
    action === 'RunInstances' && Math.random() < 0.3 ? { kind: 'lost-reply' } : undefined;
  let peak = 0;
  const watching = setInterval(() => {
    peak = Math.max(peak, cloud.live().length);
  }, 20);
  await until(() => cloud.live().length >= 5, 'the minimum is there', 120_000);
  await enrolKnown(system);
  const posted = await burst(system);
  let kills = 0;
  for (let i = 0; i < 12; i++) {
    await Bun.sleep(Math.random() * 1000);
    const running = [...system.workers.values()].filter(worker => worker.exitCode === null && !worker.killed);
    running[Math.floor(Math.random() * running.length)]?.kill('SIGKILL');
    kills++;
    if (i !== 5) continue;
    await system.controller.end('SIGKILL');
    system.startController();
  }
  await expectAnswers(system, posted);
  await system.controller.said(/"event":"acting"/, 120_000);
  await until(() => cloud.live().length >= 5, 'the minimum is there again', 240_000);
  clearInterval(watching);
  expect(peak).toBeLessThanOrEqual(15);
  console.log(`aws chaos: ${kills} workers and a controller killed, 200 photos answered, peak ${peak}`);
  await system.stop();
}, 900_000);
