import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type QueueAttributeName,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
} from '@aws-sdk/client-sqs';
import type { Message, ReceiveOptions } from '../../ports.ts';
import { callBatch, EntryError, type Outcome } from './batchCall.ts';
import type { SqsClients } from './clients.ts';
import { AwsError } from './errors.ts';
import { messagesOf } from './messages.ts';
import type { RetryOptions } from './retry.ts';

export interface QueueCallsOptions {
  readonly clients: SqsClients;
  /** The queue's URL; see `queueUrl` for a name. */
  readonly url: string;
  /** The FACEREC_ variable that names the queue, for error messages. */
  readonly variable?: string;
  /** How long a received message stays hidden; default: the queue's own setting. */
  readonly visibilitySeconds?: number;
  /** For entries of a batch that fail through no fault of theirs. */
  readonly retry?: RetryOptions;
}

export interface Extension {
  readonly receipt: string;
  readonly seconds: number;
}

/** What SQS says of a receipt that is not, or no longer, good for anything; the last also after 12 hours in flight. */
const staleCodes = new Set(['ReceiptHandleIsInvalid', 'MessageNotInflight', 'InvalidParameterValue']);

function isStale(failure: Error): boolean {
  return failure instanceof EntryError && staleCodes.has(failure.name);
}

/**
 * One queue's requests to SQS, ten messages at a time. The outcome of each is in its place, errors as AwsErrors; a single
 * request that fails rejects with one.
 */
export class QueueCalls {
  readonly #options: QueueCallsOptions;

  constructor(options: QueueCallsOptions) {
    this.#options = options;
  }

  /** `now` dates messages that come without their time, ms. Rejects when the signal aborts. */
  async receive(
    { max, waitSeconds }: ReceiveOptions,
    now: number,
    abortSignal: AbortSignal,
  ): Promise<Message[]> {
    const { clients, url, visibilitySeconds } = this.#options;
    try {
      const { Messages } = await clients.polls.send(
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: max,
          WaitTimeSeconds: Math.ceil(waitSeconds),
          MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
          ...(visibilitySeconds !== undefined && { VisibilityTimeout: visibilitySeconds }),
        }),
        { abortSignal },
      );
      return messagesOf(Messages, now);
    } catch (error) {
      throw this.#error(error, 'sqs:ReceiveMessage');
    }
  }

  async sendAll(bodies: readonly string[]): Promise<(Error | undefined)[]> {
    const { clients, url } = this.#options;
    const outcomes = await this.#callBatch(bodies, group =>
      clients.calls.send(
        new SendMessageBatchCommand({
          QueueUrl: url,
          Entries: group.map((MessageBody, i) => ({ Id: `${i}`, MessageBody })),
        }),
      ),
    );
    return outcomes.map(failure => failure && this.#error(failure, 'sqs:SendMessage'));
  }

  async extendAll(extensions: readonly Extension[]): Promise<(Error | boolean)[]> {
    const { clients, url } = this.#options;
    const action = 'sqs:ChangeMessageVisibility';
    const outcomes = await this.#callBatch(extensions, group =>
      clients.calls.send(
        new ChangeMessageVisibilityBatchCommand({
          QueueUrl: url,
          Entries: group.map(({ receipt, seconds }, i) => ({
            Id: `${i}`,
            ReceiptHandle: receipt,
            VisibilityTimeout: seconds,
          })),
        }),
      ),
    );
    return outcomes.map(failure => {
      if (failure === undefined) return true;
      return isStale(failure) ? false : this.#error(failure, action);
    });
  }

  async deleteAll(receipts: readonly string[]): Promise<(Error | undefined)[]> {
    const { clients, url } = this.#options;
    const outcomes = await this.#callBatch(receipts, group =>
      clients.calls.send(
        new DeleteMessageBatchCommand({
          QueueUrl: url,
          Entries: group.map((ReceiptHandle, i) => ({ Id: `${i}`, ReceiptHandle })),
        }),
      ),
    );
    return outcomes.map(failure =>
      failure === undefined || isStale(failure) ? undefined : this.#error(failure, 'sqs:DeleteMessage'),
    );
  }

  /** Attributes of this queue or of another (`url`) that are numbers, in the order of their names. */
  async count(url: string, names: QueueAttributeName[]): Promise<number[]> {
    try {
      const { Attributes } = await this.#options.clients.calls.send(
        new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: names }),
      );
      return names.map(name => {
        const count = Number(Attributes?.[name] ?? Number.NaN);
        if (!Number.isInteger(count)) throw new Error(`the answer has no ${name}`);
        return count;
      });
    } catch (error) {
      throw this.#error(error, 'sqs:GetQueueAttributes', url);
    }
  }

  #callBatch<Item>(items: readonly Item[], call: Parameters<typeof callBatch<Item>>[1]): Promise<Outcome[]> {
    return callBatch(items, call, this.#options.retry);
  }

  #error(error: unknown, action: string, url = this.#options.url): AwsError {
    const variable = url === this.#options.url ? this.#options.variable : undefined;
    return new AwsError(error, { service: 'SQS', action, resource: `queue ${url}`, variable });
  }
}
