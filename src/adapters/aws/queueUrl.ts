import { GetQueueUrlCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { AwsError } from './errors.ts';

/**
 * The URL of a queue given by its URL or by its name in the client's account and region. `variable` is the FACEREC_
 * variable that named it, for the AwsError with which this rejects.
 */
export async function queueUrl(client: SQSClient, nameOrUrl: string, variable?: string): Promise<string> {
  if (isUrl(nameOrUrl)) return nameOrUrl;
  const call = {
    service: 'SQS',
    action: 'sqs:GetQueueUrl',
    resource: `queue ${nameOrUrl}`,
    variable,
  } as const;
  try {
    const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: nameOrUrl }));
    if (!QueueUrl) throw new Error('the answer has no QueueUrl');
    return QueueUrl;
  } catch (error) {
    throw new AwsError(error, call);
  }
}

export function isUrl(nameOrUrl: string): boolean {
  return /^https?:\/\//.test(nameOrUrl);
}
