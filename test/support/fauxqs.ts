import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type QueueAttributeName,
} from '@aws-sdk/client-sqs';
import { buildApp } from 'fauxqs';
import type { ClientOptions } from '../../src/adapters/aws/clientSettings.ts';
import { type SqsClients, s3Client, sqsClients } from '../../src/adapters/aws/clients.ts';

export interface Fauxqs {
  /** Where it listens, for `AWS_ENDPOINT_URL`. */
  readonly url: string;
  /** What clients need to reach it. */
  readonly client: ClientOptions;
  readonly sqs: SqsClients;
  readonly s3: S3Client;
  /** Requests so far by name, such as `sqs:SendMessageBatch` or `s3:PUT`. */
  readonly calls: Map<string, number>;
  /** Makes a queue and gives its URL. */
  queue(name: string, settings?: QueueSettings): Promise<string>;
  queueUrl(name: string): Promise<string>;
  bucket(name: string): Promise<void>;
  /** Messages of the queue, visible or in flight; the call itself is not counted in `calls`. */
  waiting(name: string): Promise<number>;
  stop(): Promise<void>;
}

export interface QueueSettings {
  readonly visibilitySeconds?: number;
  readonly maximumMessageSize?: number;
  /** Messages received more often than `maxReceives` go to the queue of this URL. */
  readonly redrive?: { readonly url: string; readonly maxReceives: number };
}

/**
 * SQS and S3 in this process, in memory, on loopback and a free port; fauxqs's own start would listen on every address.
 * Conditional puts, which fauxqs 2.4.1 takes for plain ones, are added here.
 */
export async function startFauxqs(): Promise<Fauxqs> {
  const app = buildApp({ logger: false });
  addConditionalPuts(app);
  const calls = countCalls(app);
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  const client = clientOptions(url);
  const sqs = sqsClients(client);
  const s3 = s3Client(client);
  return {
    url,
    client,
    sqs,
    s3,
    calls,
    async queue(name, settings = {}) {
      const { visibilitySeconds, maximumMessageSize, redrive } = settings;
      const Attributes: Partial<Record<QueueAttributeName, string>> = {
        ...(visibilitySeconds !== undefined && { VisibilityTimeout: `${visibilitySeconds}` }),
        ...(maximumMessageSize !== undefined && { MaximumMessageSize: `${maximumMessageSize}` }),
        ...(redrive && { RedrivePolicy: await redrivePolicy(sqs, redrive) }),
      };
      const { QueueUrl } = await sqs.calls.send(new CreateQueueCommand({ QueueName: name, Attributes }));
      return QueueUrl!;
    },
    async queueUrl(name) {
      const { QueueUrl } = await sqs.calls.send(new GetQueueUrlCommand({ QueueName: name }));
      return QueueUrl!;
    },
    async waiting(name) {
      const { QueueUrl } = await sqs.calls.send(new GetQueueUrlCommand({ QueueName: name }));
      const AttributeNames: QueueAttributeName[] = [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
      ];
      const { Attributes } = await sqs.calls.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames }),
      );
      for (const own of ['sqs:GetQueueUrl', 'sqs:GetQueueAttributes']) {
        calls.set(own, (calls.get(own) ?? 1) - 1);
      }
      return Object.values(Attributes ?? {}).reduce((sum, n) => sum + Number(n), 0);
    },
    async bucket(name) {
      await s3.send(new CreateBucketCommand({ Bucket: name }));
    },
    async stop() {
      for (const each of [sqs.calls, sqs.polls, s3]) each.destroy();
      await app.close();
    },
  };
}

/** Clients of a server on loopback, with credentials that are worth nothing anywhere else. */
export function clientOptions(endpoint: string): ClientOptions {
  return {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
}

function countCalls(app: ReturnType<typeof buildApp>): Map<string, number> {
  const calls = new Map<string, number>();
  app.addHook('onRequest', async (request: PutRequest): Promise<void> => {
    const target = String(request.headers['x-amz-target'] ?? '').split('.')[1];
    const name = target ? `sqs:${target}` : `s3:${request.method}`;
    calls.set(name, (calls.get(name) ?? 0) + 1);
  });
  return calls;
}

/** Puts with a condition run one after the other: look, then store or refuse. */
function addConditionalPuts(app: ReturnType<typeof buildApp>): void {
  let last: Promise<void> = Promise.resolve();
  const releases = new WeakMap<object, () => void>();
  app.addHook('preHandler', async (request: PutRequest, reply: Reply): Promise<unknown> => {
    const { 'if-none-match': ifNoneMatch, 'if-match': ifMatch } = request.headers;
    if (request.method !== 'PUT' || (ifNoneMatch === undefined && ifMatch === undefined)) {
      return undefined;
    }
    const before = last;
    const { promise, resolve } = Promise.withResolvers<void>();
    last = promise;
    releases.set(request.raw, resolve);
    await before;
    const { statusCode, headers, body } = await app.inject({ method: 'GET', url: request.url });
    if (body.includes('<Code>NoSuchBucket</Code>')) return undefined;
    if (ifMatch !== undefined && statusCode === 404) return refuse(reply, 404, 'NoSuchKey');
    if (ifMatch === undefined ? statusCode === 200 : headers.etag !== ifMatch) {
      return refuse(reply, 412, 'PreconditionFailed');
    }
    return undefined;
  });
  app.addHook('onResponse', async (request: PutRequest) => releases.get(request.raw)?.());
}

interface PutRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly raw: object;
}

interface Reply {
  code(status: number): this;
  type(contentType: string): this;
  send(body: string): unknown;
}

function refuse(reply: Reply, status: number, code: string): unknown {
  return reply
    .code(status)
    .type('application/xml')
    .send(`<Error><Code>${code}</Code><Message>${code}</Message></Error>`);
}

async function redrivePolicy(
  { calls }: SqsClients,
  { url, maxReceives }: NonNullable<QueueSettings['redrive']>,
): Promise<string> {
  const { Attributes } = await calls.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }),
  );
  return JSON.stringify({ deadLetterTargetArn: Attributes?.QueueArn, maxReceiveCount: `${maxReceives}` });
}
