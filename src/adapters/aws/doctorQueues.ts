import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type QueueAttributeName,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import * as v from 'valibot';
import type { Probe, Remark } from './doctorVerdict.ts';
import { programsThat, type QueueRole } from './permissions.ts';
import { isUrl } from './queueUrl.ts';
import type { NamedQueues } from './resources.ts';

export interface QueueExpectations {
  readonly visibilitySeconds: number;
  readonly maxReceives: number;
}

const queueActions = [
  'GetQueueAttributes',
  'SendMessage',
  'ReceiveMessage',
  'DeleteMessage',
  'ChangeMessageVisibility',
] as const;
type QueueAction = (typeof queueActions)[number];

/** No queue has ever given out this receipt. */
const ReceiptHandle = 'facerec-doctor-no-receipt';

/**
 * Nothing in SQS's own model forbids these parameters, so that neither the SDK nor SQS's front looks at them before it
 * has been decided whether the caller may do this at all.
 */
const requests: Readonly<
  Record<
    Exclude<QueueAction, 'GetQueueAttributes'>,
    (client: SQSClient, QueueUrl: string) => Promise<unknown>
  >
> = {
  SendMessage: (client, QueueUrl) => client.send(new SendMessageCommand({ QueueUrl, MessageBody: '' })),
  // A server that took 0 for 1 would have the message back at once.
  ReceiveMessage: (client, QueueUrl) =>
    client.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 0,
        WaitTimeSeconds: 0,
        VisibilityTimeout: 0,
      }),
    ),
  DeleteMessage: (client, QueueUrl) => client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle })),
  ChangeMessageVisibility: (client, QueueUrl) =>
    client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 })),
};

/** What SQS and the servers that stand in for it say of such parameters. */
const invalid = [
  'ReceiptHandleIsInvalid',
  'MessageNotInflight',
  'InvalidParameterValue',
  'InvalidParameterValueException',
  'MissingParameter',
  'MissingRequiredParameterException',
  'ReadCountOutOfRange',
  'InvalidMessageContents',
];

/** Asks for the URL of each queue that is given by name. @param found is told of the URLs */
export function queueUrlProbes(
  client: SQSClient,
  queues: NamedQueues,
  found: (role: QueueRole, url: string) => void,
): Probe[] {
  return (Object.keys(queues) as QueueRole[]).flatMap(role => {
    const { url: name, variable } = queues[role];
    if (isUrl(name)) return [];
    return [
      {
        service: 'SQS' as const,
        action: 'sqs:GetQueueUrl',
        resource: `queue ${name}`,
        variable,
        programs: programsThat('sqs:GetQueueUrl', target => 'queue' in target && target.queue === role),
        passed: [],
        async ask() {
          const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: name }));
          if (!QueueUrl) throw new Error('the answer has no QueueUrl');
          found(role, QueueUrl);
          return [];
        },
      },
    ];
  });
}

export function queueProbes(client: SQSClient, queues: NamedQueues, expected: QueueExpectations): Probe[] {
  return (['requests', 'responses', 'deadLetters'] as const).flatMap(role => {
    const { url, variable } = queues[role];
    // There is no asking about a queue that could not be found.
    if (!isUrl(url)) return [];
    return queueActions.map(action => ({
      service: 'SQS' as const,
      action: `sqs:${action}`,
      resource: `queue ${url}`,
      variable,
      programs: programsThat(`sqs:${action}`, target => 'queue' in target && target.queue === role),
      passed: action === 'GetQueueAttributes' ? [] : invalid,
      async ask() {
        if (action === 'GetQueueAttributes')
          return queueRemarks(role, queues, await attributesOf(client, url), expected);
        await requests[action](client, url);
        return [];
      },
    }));
  });
}

async function attributesOf(client: SQSClient, QueueUrl: string): Promise<Readonly<Record<string, string>>> {
  const AttributeNames: QueueAttributeName[] = ['RedrivePolicy', 'VisibilityTimeout', 'MaximumMessageSize'];
  const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
  return Attributes ?? {};
}

/** Less is of no use to us. */
const leastMessageBytes = 1_024;

/** What is wrong with a queue's settings. */
export function queueRemarks(
  role: QueueRole,
  queues: NamedQueues,
  attributes: Readonly<Record<string, string>>,
  { visibilitySeconds, maxReceives }: QueueExpectations,
): Remark[] {
  const { url, variable } = queues[role];
  const remarks: Remark[] = [];
  const remark = (advice: string, ok = false) => remarks.push({ ok, advice });
  if (url.endsWith('.fifo')) remark(`It is a FIFO queue: give a standard queue in ${variable}.`);
  const size = attributes.MaximumMessageSize;
  if (size !== undefined && Number(size) < leastMessageBytes)
    remark(
      `Its MaximumMessageSize is ${size} bytes: raise it to ${leastMessageBytes} or more (sqs:SetQueueAttributes on the queue of ${variable}).`,
    );
  const visibility = attributes.VisibilityTimeout;
  if (role === 'requests' && visibility !== undefined && Number(visibility) !== visibilitySeconds)
    remark(
      `Its VisibilityTimeout is ${visibility} s and FACEREC_VISIBILITY_SECONDS is ${visibilitySeconds}; workers ask for the latter each time, so this does no harm.`,
      true,
    );
  if (role === 'requests')
    for (const advice of redriveFaults(attributes.RedrivePolicy, queues, maxReceives)) remark(advice);
  return remarks;
}

const RedriveSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    deadLetterTargetArn: v.string(),
    maxReceiveCount: v.pipe(v.union([v.string(), v.number()]), v.transform(Number)),
  }),
);

function redriveFaults(
  policy: string | undefined,
  { requests: { variable }, deadLetters }: NamedQueues,
  maxReceives: number,
): string[] {
  const to = `sqs:SetQueueAttributes on the queue of ${variable}`;
  const parsed = v.safeParse(RedriveSchema, policy);
  if (!parsed.success)
    return [
      `It has no RedrivePolicy: set one (${to}) with maxReceiveCount ${maxReceives} and the queue of ${deadLetters.variable} as its target.`,
    ];
  const { deadLetterTargetArn, maxReceiveCount } = parsed.output;
  const faults: string[] = [];
  if (isUrl(deadLetters.url) && !isSameQueue(deadLetters.url, deadLetterTargetArn))
    faults.push(
      `Its RedrivePolicy points at ${deadLetterTargetArn}, which is not the queue of ${deadLetters.variable} (${deadLetters.url}): correct the policy (${to}) or ${deadLetters.variable}.`,
    );
  if (maxReceiveCount !== maxReceives)
    faults.push(
      `Its RedrivePolicy has maxReceiveCount ${maxReceiveCount} and FACEREC_MAX_RECEIVES is ${maxReceives}: make them equal (${to}, or FACEREC_MAX_RECEIVES).`,
    );
  return faults;
}

/** `https://…/<account>/<name>` and `arn:aws:sqs:<region>:<account>:<name>`; not every emulator has accounts. */
function isSameQueue(url: string, arn: string): boolean {
  const [account, name] = new URL(url).pathname.split('/').slice(-2);
  const [arnAccount, arnName] = arn.split(':').slice(-2);
  const comparable = /^\d{12}$/.test(account ?? '') && /^\d{12}$/.test(arnAccount ?? '');
  return name === arnName && (!comparable || account === arnAccount);
}
