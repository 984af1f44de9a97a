import type { Message as SqsMessage } from '@aws-sdk/client-sqs';
import type { Message } from '../../ports.ts';

/**
 * SQS's messages as the port has them. Some emulators leave attributes out: a message without them counts as delivered
 * for the first time and as sent at `now`, ms.
 */
export function messagesOf(messages: readonly SqsMessage[] | undefined, now: number): Message[] {
  return (messages ?? []).flatMap(({ MessageId, ReceiptHandle, Body, Attributes }) => {
    if (!ReceiptHandle) return [];
    return [
      {
        id: MessageId ?? ReceiptHandle,
        body: Body ?? '',
        receipt: ReceiptHandle,
        receiveCount: positive(Attributes?.ApproximateReceiveCount) ?? 1,
        sentAt: positive(Attributes?.SentTimestamp) ?? now,
      },
    ];
  });
}

/** Throws a TypeError for what SQS refuses: all but the characters of XML 1.0. */
export function checkBody(body: string): void {
  if (!body.isWellFormed() || /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(body)) {
    throw new TypeError('a message body must be well-formed Unicode without control characters');
  }
  if (body === '') throw new TypeError('a message body must not be empty');
}

function positive(value: string | undefined): number | undefined {
  const number = Number(value);
  return Number.isInteger(number) && number > 0 ? number : undefined;
}
