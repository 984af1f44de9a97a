import { createHash } from 'node:crypto';
import { type SqsClients, sqsClients } from '../../../src/adapters/aws/clients.ts';
import { SqsQueue, type SqsQueueOptions } from '../../../src/adapters/aws/queue.ts';
import { clientOptions } from '../../support/fauxqs.ts';

export interface Entry {
  readonly Id: string;
  readonly MessageBody?: string;
  readonly ReceiptHandle?: string;
  readonly VisibilityTimeout?: number;
}

/** A request in SQS's JSON protocol, as far as the tests look at it. */
export interface SqsRequest {
  readonly action: string;
  readonly input: { readonly Entries?: readonly Entry[]; readonly QueueUrl?: string };
}

/** What to answer: a result, or an error by its type and status. */
export type SqsAnswer =
  | Readonly<Record<string, unknown>>
  | { readonly error: string; readonly status?: number; readonly message?: string };

export interface SqsServer {
  readonly url: string;
  readonly clients: SqsClients;
  readonly requests: SqsRequest[];
  queue(options?: Partial<SqsQueueOptions>): SqsQueue;
  stop(): Promise<void>;
}

/** Speaks SQS's JSON 1.0 protocol on loopback; what it says is the test's. */
export function sqsServer(answer: (request: SqsRequest) => SqsAnswer | Promise<SqsAnswer>): SqsServer {
  const requests: SqsRequest[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 60,
    async fetch(request) {
      const action = (request.headers.get('x-amz-target') ?? '').replace('AmazonSQS.', '');
      const parsed = { action, input: (await request.json()) as SqsRequest['input'] };
      requests.push(parsed);
      const said = await answer(parsed);
      const headers = { 'content-type': 'application/x-amz-json-1.0' };
      if (typeof said.error !== 'string') return new Response(JSON.stringify(said), { headers });
      const { error, status = 400, message = `about ${error}` } = said;
      const body = JSON.stringify({ __type: `com.amazonaws.sqs#${error}`, message });
      return new Response(body, { status: Number(status), headers });
    },
  });
  const url = server.url.origin;
  const clients = sqsClients(clientOptions(url));
  return {
    url,
    clients,
    requests,
    queue: options => new SqsQueue({ clients, url: `${url}/000000000000/requests`, ...options }),
    async stop() {
      clients.calls.destroy();
      clients.polls.destroy();
      await server.stop(true);
    },
  };
}

/** The answer to a batch in which the entries that `fail` gives a code for have failed. */
export function batchAnswer(
  { input: { Entries = [] } }: SqsRequest,
  fail: (entry: Entry) => { readonly code: string; readonly senderFault: boolean } | undefined = () =>
    undefined,
): SqsAnswer {
  const judged = Entries.map(entry => ({ entry, failure: fail(entry) }));
  return {
    Successful: judged.flatMap(({ entry: { Id, MessageBody }, failure }) =>
      failure ? [] : [{ Id, MessageId: `id-${Id}`, MD5OfMessageBody: md5(MessageBody ?? '') }],
    ),
    Failed: judged.flatMap(({ entry: { Id }, failure }) =>
      failure
        ? [{ Id, Code: failure.code, SenderFault: failure.senderFault, Message: `about ${failure.code}` }]
        : [],
    ),
  };
}

export function messageOf(body: string, receipt: string): Readonly<Record<string, unknown>> {
  return { MessageId: `id of ${body}`, ReceiptHandle: receipt, Body: body, MD5OfBody: md5(body) };
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
