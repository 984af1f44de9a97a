import { GetQueueUrlCommand, type GetQueueUrlCommandInput, type SQSClient } from '@aws-sdk/client-sqs';
import { AwsError, ForeignAnswer } from './errors.ts';

/**
 * The URL of a queue given by its URL or by its name in the client's account and region; that there is such a queue has
 * been seen, but where it is given by URL and one may not ask. `variable` is the FACEREC_ variable that named it, for the
 * AwsError with which this rejects.
 */
export async function queueUrl(client: SQSClient, nameOrUrl: string, variable?: string): Promise<string> {
  const call = {
    service: 'SQS',
    action: 'sqs:GetQueueUrl',
    resource: `queue ${nameOrUrl}`,
    variable,
  } as const;
  try {
    const answer = await client.send(new GetQueueUrlCommand(namedBy(nameOrUrl)));
    if (!answer.QueueUrl) throw new ForeignAnswer('the answer has no QueueUrl', answer);
    return isUrl(nameOrUrl) ? nameOrUrl : answer.QueueUrl;
  } catch (thrown) {
    const error = new AwsError(thrown, call);
    if (isUrl(nameOrUrl) && error.kind === 'access-denied') return nameOrUrl;
    throw error;
  }
}

/** A queue's URL ends with its account and name; emulators without accounts have something else in that place. */
function namedBy(nameOrUrl: string): GetQueueUrlCommandInput {
  if (!isUrl(nameOrUrl)) return { QueueName: nameOrUrl };
  const [account = '', QueueName] = new URL(nameOrUrl).pathname.split('/').filter(Boolean).slice(-2);
  if (QueueName === undefined) return { QueueName: account };
  return { QueueName, ...(/^\d{12}$/.test(account) && { QueueOwnerAWSAccountId: account }) };
}

export function isUrl(nameOrUrl: string): boolean {
  return /^https?:\/\//.test(nameOrUrl);
}
