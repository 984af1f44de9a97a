import type { S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { AwsConfig, Config } from '../../config.ts';
import { messageOf } from '../../core/errors.ts';
import type { Services } from '../../ports.ts';
import { within } from '../../runtime/time.ts';
import { S3Blobs } from './blobs.ts';
import { checkEndpoints } from './clientSettings.ts';
import { s3Client, sqsClients } from './clients.ts';
import { type Patience, patiently } from './patience.ts';
import { SqsQueue } from './queue.ts';
import { queueUrl } from './queueUrl.ts';
import { findRegion } from './region.ts';
import { bucketsOf, type NamedBucket, type NamedQueue, type NamedQueues, queuesOf } from './resources.ts';
import type { OnAwsCall } from './watchCalls.ts';

/** Completions come one by one; a short rest after each batch of them joins those of a steady flow. */
const COMPLETION_WINDOW = { waitMs: 5, spacingMs: 250 };
/** For what is still on its way when a program ends; what is lost then comes round again. */
const CLOSE_MS = 3000;
/** Nobody waits for a deletion; a worker that dies before it finds the result stored already. */
const DELETION_WINDOW = { waitMs: 5, spacingMs: 1000 };

/**
 * Queues on SQS, stores on S3. What is wrong with the account is told at the start: rejects with a SetupError that names
 * the resource and the variable when it does not pass in time.
 */
export async function openAwsServices(
  config: Config,
  aws: AwsConfig,
  patience: Patience,
  onCall?: OnAwsCall,
): Promise<Services> {
  checkEndpoints(process.env);
  const sqs = sqsClients({ onCall });
  const s3 = s3Client({ onCall });
  const stores = storesOf(s3, aws);
  const named = await patiently(patience, async () => {
    await findRegion();
    const found = await foundQueues(sqs.calls, aws);
    // What every program uses; the doctor looks at the rest.
    await Promise.all([
      stores.input.get('readyz'),
      stores.output.get('readyz'),
      stores.gallery.get('head'),
      stores.gallery.list('segments/', { limit: 1 }),
    ]);
    return found;
  });
  const { visibilitySeconds } = config;
  const { log } = patience;
  const queues = {
    requests: new SqsQueue({
      clients: sqs,
      ...named.requests,
      deadLettersUrl: named.deadLetters.url,
      visibilitySeconds,
      windows: { delete: DELETION_WINDOW },
      log,
    }),
    responses: new SqsQueue({
      clients: sqs,
      ...named.responses,
      visibilitySeconds,
      windows: { send: COMPLETION_WINDOW, delete: DELETION_WINDOW },
    }),
    deadLetters: new SqsQueue({
      clients: sqs,
      ...named.deadLetters,
      visibilitySeconds,
    }),
  };
  return {
    ...queues,
    ...stores,
    async close() {
      const closing = Promise.all(Object.values(queues).map(queue => queue.close()));
      await within(CLOSE_MS, () => closing).catch(error =>
        log.warn('calls-left-behind', { error: messageOf(error) }),
      );
      for (const client of [sqs.calls, sqs.polls, s3]) client.destroy();
    },
  };
}

function storesOf(client: S3Client, aws: AwsConfig) {
  const { input, output, gallery } = bucketsOf(aws);
  const store = (named: NamedBucket) => new S3Blobs({ client, ...named });
  return { input: store(input), output: store(output), gallery: store(gallery) };
}

/** With the URLs of those that are given by name. */
async function foundQueues(calls: SQSClient, aws: AwsConfig): Promise<NamedQueues> {
  const found = async ({ url, variable }: NamedQueue) => ({
    url: await queueUrl(calls, url, variable),
    variable,
  });
  const named = queuesOf(aws);
  const [requests, responses, deadLetters] = await Promise.all([
    found(named.requests),
    found(named.responses),
    found(named.deadLetters),
  ]);
  return { requests, responses, deadLetters };
}
