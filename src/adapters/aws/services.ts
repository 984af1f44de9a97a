import type { AwsConfig, Config } from '../../config.ts';
import type { Services } from '../../ports.ts';
import { SetupError } from '../../runtime/setup.ts';
import { S3Blobs } from './blobs.ts';
import { type SqsClients, s3Client, sqsClients } from './clients.ts';
import { AwsError } from './errors.ts';
import { SqsQueue } from './queue.ts';
import { queueUrl } from './queueUrl.ts';

/** Completions come one by one; a short rest after each batch of them joins those of a steady flow. */
const COMPLETION_WINDOW = { waitMs: 5, spacingMs: 250 };
/** Nobody waits for a deletion; a worker that dies before it finds the result stored already. */
const DELETION_WINDOW = { waitMs: 5, spacingMs: 1000 };

/** Kinds of AwsError that trying again does not change. */
const lasting = [
  'access-denied',
  'missing',
  'wrong-region',
  'no-region',
  'no-credentials',
  'bad-credentials',
];

/** Queues on SQS, stores on S3. Rejects with a SetupError that names the variable when a queue cannot be found. */
export async function openAwsServices(config: Config, aws: AwsConfig): Promise<Services> {
  const sqs = sqsClients();
  const s3 = s3Client();
  const urls = await openQueueUrls(sqs, aws);
  const { visibilitySeconds } = config;
  const queues = {
    requests: new SqsQueue({
      clients: sqs,
      url: urls.requests,
      deadLettersUrl: urls.deadLetters,
      visibilitySeconds,
      windows: { delete: DELETION_WINDOW },
      variable: 'FACEREC_REQUEST_QUEUE',
    }),
    responses: new SqsQueue({
      clients: sqs,
      url: urls.responses,
      visibilitySeconds,
      windows: { send: COMPLETION_WINDOW, delete: DELETION_WINDOW },
      variable: 'FACEREC_RESPONSE_QUEUE',
    }),
    deadLetters: new SqsQueue({
      clients: sqs,
      url: urls.deadLetters,
      visibilitySeconds,
      variable: 'FACEREC_DEAD_LETTER_QUEUE',
    }),
  };
  const store = (bucket: string, variable: string, prefix?: string) =>
    new S3Blobs({ client: s3, bucket, variable, ...(prefix && { prefix }) });
  const { inputBucket, outputBucket, galleryBucket } = aws;
  const stores = {
    input: store(inputBucket, 'FACEREC_INPUT_BUCKET'),
    output: store(outputBucket, 'FACEREC_OUTPUT_BUCKET'),
    gallery: galleryBucket
      ? store(galleryBucket, 'FACEREC_GALLERY_BUCKET')
      : store(outputBucket, 'FACEREC_OUTPUT_BUCKET', 'gallery/'),
  };
  await orSetupError(() =>
    // What every program reads; the doctor looks at the rest.
    Promise.all([stores.output.get('readyz'), stores.gallery.get('head')]),
  );
  return {
    ...queues,
    ...stores,
    async close() {
      for (const queue of Object.values(queues)) await queue.close();
      for (const client of [sqs.calls, sqs.polls, s3]) client.destroy();
    },
  };
}

/** Rejects with a SetupError that names the variable when a queue cannot be found. */
export function openQueueUrls(sqs: SqsClients, aws: AwsConfig): Promise<QueueUrls> {
  return orSetupError(() => queueUrls(sqs, aws));
}

export interface QueueUrls {
  readonly requests: string;
  readonly responses: string;
  readonly deadLetters: string;
}

async function queueUrls({ calls }: SqsClients, aws: AwsConfig): Promise<QueueUrls> {
  const [requests, responses, deadLetters] = await Promise.all([
    queueUrl(calls, aws.requestQueue, 'FACEREC_REQUEST_QUEUE'),
    queueUrl(calls, aws.responseQueue, 'FACEREC_RESPONSE_QUEUE'),
    queueUrl(calls, aws.deadLetterQueue, 'FACEREC_DEAD_LETTER_QUEUE'),
  ]);
  return { requests, responses, deadLetters };
}

/** What trying again does not change ends the program at its start, with the sentence of the AwsError. */
async function orSetupError<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof AwsError && lasting.includes(error.kind))
      throw new SetupError(error.message, { cause: error });
    throw error;
  }
}
