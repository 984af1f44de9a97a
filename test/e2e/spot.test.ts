import { expect, test } from 'bun:test';
import { GetQueueAttributesCommand, GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import { S3Blobs } from '../../src/adapters/aws/blobs.ts';
import { heartbeatKey } from '../../src/core/heartbeat.ts';
import type { Recognised } from '../../src/core/results.ts';
import { type AwsSystem, startAwsSystem } from '../support/awsSystem.ts';
import { cast, known } from '../support/cast.ts';
import { post } from '../support/client.ts';
import { groupPhoto } from '../support/photos.ts';
import { until } from '../support/temporary.ts';

const PHOTOS = 200;
const bytes = await groupPhoto(known.map(name => cast[name]));

async function depth({ aws }: AwsSystem): Promise<{ visible: number; inFlight: number }> {
  const { QueueUrl } = await aws.sqs.calls.send(new GetQueueUrlCommand({ QueueName: 'requests' }));
  const { Attributes = {} } = await aws.sqs.calls.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
  );
  return {
    visible: Number(Attributes.ApproximateNumberOfMessages),
    inFlight: Number(Attributes.ApproximateNumberOfMessagesNotVisible),
  };
}

test('a spot notice: the busy worker takes no more, finishes, says goodbye and leaves; nothing is lost', async () => {
  const one = { FACEREC_MIN_INSTANCES: '1', FACEREC_MAX_INSTANCES: '1', FACEREC_SPOT: 'on' };
  // Long enough that only what is given back can be visible again before the end of the test's first part.
  const system = await startAwsSystem({ settings: one, visibilitySeconds: 600 });
  const { cloud } = system.ec2;
  const stored = new S3Blobs({ client: system.aws.s3, bucket: 'results' });
  await until(() => system.workers.size === 1, 'the worker is launched', 120_000);
  const [[id, worker]] = [...system.workers] as [[string, Bun.Subprocess]];
  expect(cloud.instances.get(id)?.spot).toBe(true);
  const heartbeat = heartbeatKey('facerec', id);
  await until(async () => (await stored.get(heartbeat)) !== undefined, 'its hello', 120_000);
  const ids = await Promise.all(
    Array.from({ length: PHOTOS }, async (_, i) => {
      const answer = await post(system.url, { file: `photo-${i}.jpg`, bytes });
      expect(answer.status).toBe(202);
      return ((await answer.json()) as { id: string }).id;
    }),
  );
  const results = async () =>
    (await stored.list('')).filter(({ key }) => ids.some(each => key.startsWith(`${each}/`)));
  await until(async () => (await results()).length > 0, 'it is at work', 120_000);
  // Nobody takes its place before all has been looked at.
  system.controller.child.kill('SIGSTOP');

  const noticedAt = Date.now();
  system.metadata.get(id)!.interrupt(noticedAt + 120_000);
  expect(await worker.exited).toBe(0);
  const tookMs = Date.now() - noticedAt;
  expect(tookMs).toBeLessThan(60_000);
  await until(() => cloud.instances.get(id)?.endedAt !== undefined, 'the machine goes down');
  expect(await stored.get(heartbeat)).toBeUndefined();
  const left = await depth(system);
  const done = (await results()).length;
  // Had it gone on taking, none would be left; had it dropped what it held, that would still be in flight.
  expect(left.visible).toBeGreaterThan(0);
  expect(left.inFlight).toBe(0);
  expect(done + left.visible).toBe(PHOTOS);

  system.controller.child.kill('SIGCONT');
  for (const photo of ids) {
    const answered = async () =>
      (await fetch(new URL(`results/${photo}?wait=60`, system.url))).status === 200;
    await until(answered, `an answer for ${photo}`, 300_000);
    const result = (await (await fetch(new URL(`results/${photo}`, system.url))).json()) as Recognised;
    expect(result).toMatchObject({ id: photo, status: 'done' });
    expect(result.faces).toHaveLength(known.length);
  }
  expect(await results()).toHaveLength(PHOTOS);
  expect(system.workers.size).toBe(2);
  console.log(
    `spot: notice to end ${tookMs} ms; ${done} of ${PHOTOS} photos done, ${left.visible} left to the next worker`,
  );
  await system.stop();
}, 900_000);
