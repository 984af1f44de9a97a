import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { AwsError } from '../../../src/adapters/aws/errors.ts';
import { SqsQueue } from '../../../src/adapters/aws/queue.ts';
import { queueUrl } from '../../../src/adapters/aws/queueUrl.ts';
import { type SetTimer, setTimer } from '../../../src/runtime/time.ts';
import { type Fauxqs, startFauxqs } from '../../support/fauxqs.ts';
import { until } from '../../support/temporary.ts';
import { batchAnswer, messageOf, type SqsAnswer, type SqsServer, sqsServer } from './aws-sqs-server.ts';
import { recordingLog } from './recordingLog.ts';

setDefaultTimeout(60_000);

let server: Fauxqs;
let made = 0;
const calls: Record<string, number> = {};
const standIns: SqsServer[] = [];

function standIn(...args: Parameters<typeof sqsServer>): SqsServer {
  const made = sqsServer(...args);
  standIns.push(made);
  return made;
}

beforeAll(async () => {
  server = await startFauxqs();
  for (const client of [server.sqs.calls, server.sqs.polls]) {
    client.middlewareStack.add(
      (next, { commandName = '' }) =>
        args => {
          calls[commandName] = (calls[commandName] ?? 0) + 1;
          return next(args);
        },
      { step: 'finalizeRequest', priority: 'low' },
    );
  }
});
afterEach(async () => {
  for (const name of Object.keys(calls)) delete calls[name];
  await Promise.all(standIns.splice(0).map(each => each.stop()));
});
afterAll(() => server.stop());

async function newQueue(options: Partial<ConstructorParameters<typeof SqsQueue>[0]> = {}): Promise<SqsQueue> {
  const url = await server.queue(`queue-${made++}`);
  return new SqsQueue({ clients: server.sqs, url, ...options });
}

const quick = { firstPauseMs: 1 };

describe('SqsQueue joins calls', () => {
  test('100 concurrent sends, extends, releases and deletes are 10 requests each', async () => {
    const queue = await newQueue();
    await Promise.all(Array.from({ length: 100 }, (_, i) => queue.send(`${i}`)));
    expect(calls.SendMessageBatchCommand).toBe(10);
    const receive = () => queue.receive({ max: 10, waitSeconds: 0 });
    const messages = (await Promise.all(Array.from({ length: 10 }, receive))).flat();
    expect(new Set(messages.map(({ body }) => body)).size).toBe(100);
    await Promise.all(messages.map(({ receipt }) => queue.extend(receipt, 60)));
    expect(calls.ChangeMessageVisibilityBatchCommand).toBe(10);
    await Promise.all(messages.map(({ receipt }) => queue.delete(receipt)));
    expect(calls.DeleteMessageBatchCommand).toBe(10);
    expect(await queue.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 0, dead: 0 });
  });

  test('a burst of photos costs less than 1.5 requests a photo', async () => {
    const [requests, responses] = [await newQueue(), await newQueue()];
    for (const name of Object.keys(calls)) delete calls[name];
    const photos = 200;
    const drain = async (queue: SqsQueue, each: (body: string) => Promise<void>): Promise<void> => {
      for (let seen = 0; seen < photos; ) {
        const messages = await queue.receive({ max: 10, waitSeconds: 20 });
        seen += messages.length;
        await Promise.all(
          messages.map(async ({ body, receipt }) => {
            await each(body);
            await queue.delete(receipt);
          }),
        );
      }
    };
    await Promise.all([
      ...Array.from({ length: photos }, (_, i) => requests.send(`${i}`)),
      drain(requests, body => responses.send(body)),
      drain(responses, async () => {}),
    ]);
    const total = Object.values(calls).reduce((sum, count) => sum + count, 0);
    expect(total / photos).toBeLessThan(1.5);
  });

  test('no more bytes in a request than SQS takes', async () => {
    const stand = standIn(batchAnswer);
    const queue = stand.queue();
    await Promise.all(Array.from({ length: 10 }, () => queue.send('x'.repeat(100_000))));
    expect(stand.requests.map(({ input }) => input.Entries?.length)).toEqual([2, 2, 2, 2, 2]);
  });

  test('a batch that is too long for the queue is halved', async () => {
    const stand = standIn(request =>
      (request.input.Entries?.length ?? 0) > 3 ? { error: 'BatchRequestTooLong' } : batchAnswer(request),
    );
    const queue = stand.queue();
    await Promise.all(Array.from({ length: 10 }, (_, i) => queue.send(`${i}`)));
    expect(stand.requests.map(({ input }) => input.Entries?.length)).toEqual([10, 5, 3, 2, 5, 3, 2]);
  });

  test('a queue of messages up to 1,024 bytes works', async () => {
    const url = await server.queue(`small-${made++}`, { maximumMessageSize: 1_024 });
    const queue = new SqsQueue({ clients: server.sqs, url });
    const bodies = Array.from({ length: 30 }, (_, i) => `${i}`.padEnd(1_024, 'x'));
    const refused = queue.send('y'.repeat(1_025)).catch((error: unknown) => error);
    await Promise.all(bodies.map(body => queue.send(body)));
    expect(await refused).toMatchObject({ name: 'AwsError', message: expect.stringContaining('1024') });
    expect((await queue.depth()).visible).toBe(30);
  });

  test('a lone delete goes at once, those soon after it together', async () => {
    const stand = standIn(batchAnswer);
    const queue = stand.queue({ windows: { delete: { waitMs: 1, spacingMs: 300 } } });
    const started = performance.now();
    await queue.delete('first');
    expect(performance.now() - started).toBeLessThan(290);
    const others = [queue.delete('second')];
    await Bun.sleep(20);
    others.push(queue.delete('third'));
    await Promise.all(others);
    expect(stand.requests.map(({ input }) => input.Entries?.length)).toEqual([1, 2]);
  });
});

describe('SqsQueue when parts of a batch fail', () => {
  test('each call has its own outcome, and what may be tried again is', async () => {
    const tries = new Map<string, number>();
    const stand = standIn(request =>
      batchAnswer(request, ({ MessageBody = '' }) => {
        const count = (tries.get(MessageBody) ?? 0) + 1;
        tries.set(MessageBody, count);
        if (MessageBody === 'bad') return { code: 'InvalidMessageContents', senderFault: true };
        if (MessageBody === 'never') return { code: 'InternalError', senderFault: false };
        if (MessageBody === 'later' && count < 3) return { code: 'ServiceUnavailable', senderFault: false };
        if (MessageBody === 'throttled' && count < 2) return { code: 'RequestThrottled', senderFault: true };
        return undefined;
      }),
    );
    const queue = stand.queue({ retry: quick });
    const bodies = ['good', 'bad', 'later', 'never', 'throttled'];
    const outcomes = await Promise.allSettled(bodies.map(body => queue.send(body)));
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(Object.fromEntries(tries)).toEqual({ good: 1, bad: 1, later: 3, never: 4, throttled: 2 });
    expect(outcomes[1]).toMatchObject({
      reason: { message: expect.stringContaining('sqs:SendMessage on queue') },
    });
  });

  test('a retry that fails as a call fails only what was in it', async () => {
    const stand = standIn(request => {
      if (stand.requests.length > 1) return { error: 'AccessDeniedException', status: 403 };
      return batchAnswer(request, ({ MessageBody }) =>
        MessageBody === 'unlucky' ? { code: 'InternalError', senderFault: false } : undefined,
      );
    });
    const queue = stand.queue({ retry: quick });
    const outcomes = await Promise.allSettled(['a', 'unlucky', 'b'].map(body => queue.send(body)));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { kind: 'access-denied' } });
    expect(stand.requests.map(({ input }) => input.Entries?.length)).toEqual([3, 1]);
  });

  test('of a halved batch, only the half that fails is rejected', async () => {
    const stand = standIn(request => {
      const { Entries = [] } = request.input;
      if (Entries.length > 1) return { error: 'BatchRequestTooLong' };
      return Entries[0]?.MessageBody === 'denied'
        ? { error: 'AccessDenied', status: 403 }
        : batchAnswer(request);
    });
    const outcomes = await Promise.allSettled(['a', 'denied'].map(body => stand.queue().send(body)));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    const queue = stand.queue();
    const joined = await Promise.allSettled(['a', 'denied', 'b'].map(body => queue.send(body)));
    expect(joined.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  test('an error tells whether the message may have been sent', async () => {
    const answers: Record<string, Parameters<typeof sqsServer>[0]> = {
      refused: () => ({ error: 'AccessDenied', status: 403 }),
      'one entry': request =>
        batchAnswer(request, () => ({ code: 'InvalidMessageContents', senderFault: true })),
      'no answer': () => ({ error: 'InternalError', status: 500 }),
    };
    const doubts = Object.entries(answers).map(async ([what, answer]) => {
      const error = await standIn(answer)
        .queue({ retry: quick })
        .send('x')
        .catch((reason: unknown) => reason);
      return [what, (error as AwsError).mayBeDone];
    });
    expect(Object.fromEntries(await Promise.all(doubts))).toEqual({
      refused: false,
      'one entry': false,
      'no answer': true,
    });
  });

  test('a call that the answer leaves out is tried again', async () => {
    let first = true;
    const stand = standIn(request => {
      const omit = first;
      first = false;
      return omit ? { Successful: [] } : batchAnswer(request);
    });
    await stand.queue({ retry: quick }).send('x');
    expect(stand.requests).toHaveLength(2);
  });

  test('stale receipts are told from real failures', async () => {
    const codes: Record<string, string> = {
      invalid: 'ReceiptHandleIsInvalid',
      expired: 'InvalidParameterValue',
      visible: 'AWS.SimpleQueueService.MessageNotInflight',
      denied: 'AccessDenied',
    };
    const stand = standIn(request =>
      batchAnswer(request, ({ ReceiptHandle = '' }) => {
        const code = codes[ReceiptHandle];
        return code === undefined ? undefined : { code, senderFault: true };
      }),
    );
    const queue = stand.queue();
    const extended = ['good', 'invalid', 'expired', 'visible'].map(receipt => queue.extend(receipt, 30));
    await expect(queue.extend('denied', 30)).rejects.toMatchObject({ kind: 'access-denied' });
    expect(await Promise.all(extended)).toEqual([true, false, false, false]);
    await Promise.all(['good', 'invalid', 'expired', 'visible'].map(receipt => queue.delete(receipt)));
    await expect(queue.delete('denied')).rejects.toMatchObject({ kind: 'access-denied' });
  });

  test('a call that fails as a whole rejects all of its calls, with the cause', async () => {
    const stand = standIn(() => ({ error: 'AccessDeniedException', status: 403, message: 'no' }));
    const queue = stand.queue({ variable: 'FACEREC_REQUESTS' });
    const errors = await Promise.all(
      ['a', 'b'].map(body => queue.send(body).catch((error: unknown) => error)),
    );
    for (const error of errors) {
      expect(error).toBeInstanceOf(AwsError);
      const { kind, message, cause } = error as AwsError;
      expect(kind).toBe('access-denied');
      expect(message).toMatch(/^sqs:SendMessage on queue .* \(FACEREC_REQUESTS\) is denied/);
      expect(cause).toMatchObject({ name: 'AccessDeniedException' });
    }
    expect(stand.requests).toHaveLength(1);
  });
});

describe('SqsQueue receives', () => {
  test('an abort ends a long poll in well under a second', async () => {
    const queue = await newQueue();
    const abort = new AbortController();
    const polling = queue.receive({ max: 10, waitSeconds: 20, signal: abort.signal });
    await until(() => calls.ReceiveMessageCommand === 1, 'the poll is under way');
    await Bun.sleep(50);
    const started = performance.now();
    abort.abort('stop');
    expect(await polling).toEqual([]);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('what an aborted poll still brings is given back', async () => {
    const answered = Promise.withResolvers<Record<string, unknown>>();
    const stand = standIn(request =>
      request.action === 'ReceiveMessage' ? answered.promise : batchAnswer(request),
    );
    const queue = stand.queue({ abortGraceMs: 30_000 });
    const abort = new AbortController();
    const polling = queue.receive({ max: 10, waitSeconds: 20, signal: abort.signal });
    await until(() => stand.requests.length === 1, 'the poll is under way');
    abort.abort();
    answered.resolve({ Messages: [messageOf('a', 'receipt a'), messageOf('b', 'receipt b')] });
    expect(await polling).toEqual([]);
    expect(stand.requests[1]).toMatchObject({
      action: 'ChangeMessageVisibilityBatch',
      input: {
        Entries: [
          { ReceiptHandle: 'receipt a', VisibilityTimeout: 0 },
          { ReceiptHandle: 'receipt b', VisibilityTimeout: 0 },
        ],
      },
    });
  });

  test('an aborted poll of a slow SQS is awaited twice as long as its last answer took', async () => {
    const answered = Promise.withResolvers<Record<string, unknown>>();
    const stand = standIn(async request => {
      if (request.action === 'ReceiveMessage') return answered.promise;
      await Bun.sleep(400);
      return batchAnswer(request);
    });
    const graces: number[] = [];
    const timer: SetTimer = (callback, ms) => {
      graces.push(ms);
      return setTimer(callback, ms);
    };
    const queue = stand.queue({ timer });
    await queue.delete('receipt z');
    const abort = new AbortController();
    const polling = queue.receive({ max: 10, waitSeconds: 20, signal: abort.signal });
    await until(() => stand.requests.length === 2, 'the poll is under way');
    abort.abort();
    expect(graces.at(-1)).toBeGreaterThanOrEqual(800);
    expect(graces.at(-1)).toBeLessThanOrEqual(5_000);
    answered.resolve({});
    expect(await polling).toEqual([]);
  });

  test('60 polls do not hold up a send', async () => {
    const [idle, busy] = [await newQueue(), await newQueue()];
    const abort = new AbortController();
    const polls = Array.from({ length: 60 }, () =>
      idle.receive({ max: 1, waitSeconds: 20, signal: abort.signal }),
    );
    await until(() => calls.ReceiveMessageCommand === 60, 'the polls are under way');
    const started = performance.now();
    await busy.send('at once');
    expect(await busy.receive({ max: 1, waitSeconds: 20 })).toHaveLength(1);
    expect(performance.now() - started).toBeLessThan(10_000);
    abort.abort();
    expect((await Promise.all(polls)).flat()).toEqual([]);
  });

  test('messages without their attributes, and answers without messages', async () => {
    const answers = [{ Messages: [messageOf('bare', 'r')] }, {}, { Messages: [] }];
    const stand = standIn(() => answers.shift() ?? {});
    const queue = stand.queue({ now: () => 42, visibilitySeconds: 7 });
    const receive = () => queue.receive({ max: 1, waitSeconds: 0 });
    expect(await receive()).toEqual([
      { id: 'id of bare', body: 'bare', receipt: 'r', receiveCount: 1, sentAt: 42 },
    ]);
    expect(await receive()).toEqual([]);
    expect(await receive()).toEqual([]);
    expect(stand.requests[0]?.input).toMatchObject({
      VisibilityTimeout: 7,
      MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
    });
  });

  test('its own failures reject, an aborted one’s do not', async () => {
    const stand = standIn(() => ({ error: 'QueueDoesNotExist' }));
    await expect(stand.queue().receive({ max: 1, waitSeconds: 0 })).rejects.toMatchObject({
      kind: 'missing',
      message: expect.stringContaining('does not exist'),
    });
  });

  test('closing ends polls, finishes sends, and refuses more', async () => {
    const queue = await newQueue({ windows: { send: { waitMs: 60_000, spacingMs: 0 } } });
    const polling = queue.receive({ max: 1, waitSeconds: 20 });
    const sending = queue.send('last words');
    await Bun.sleep(50);
    await queue.close();
    await sending;
    expect(await polling).toEqual([]);
    await queue.close();
    await expect(queue.send('too late')).rejects.toThrow('closed');
    await expect(queue.receive({ max: 1, waitSeconds: 0 })).rejects.toThrow('closed');
  });

  test.each([0, 11, 1.5])('max %p is out of range', async max => {
    const queue = await newQueue();
    await expect(queue.receive({ max, waitSeconds: 0 })).rejects.toThrow(RangeError);
  });
});

describe('SqsQueue', () => {
  test('believes the number of dead letters for a while', async () => {
    let now = 0;
    let dead = 3;
    const stand = standIn(({ input }) => ({
      Attributes: {
        ApproximateNumberOfMessages: input.QueueUrl?.endsWith('/dead') ? `${dead}` : '5',
        ApproximateNumberOfMessagesNotVisible: '1',
        ApproximateNumberOfMessagesDelayed: '2',
      },
    }));
    const queue = stand.queue({ deadLettersUrl: `${stand.url}/000000000000/dead`, now: () => now });
    const depth = { visible: 5, inFlight: 1, delayed: 2, dead: 4 };
    expect(await queue.depth()).toEqual(depth);
    dead = 8;
    now = 9_999;
    expect(await queue.depth()).toEqual(depth);
    expect(stand.requests).toHaveLength(3);
    now = 10_000;
    expect(await queue.depth()).toEqual({ ...depth, dead: 9 });
  });

  test('dead letters that cannot be counted stop nothing: the last number stands, and that is said once', async () => {
    let now = 0;
    let denied = false;
    const log = recordingLog();
    const stand = standIn(({ input }) =>
      denied && input.QueueUrl?.endsWith('/dead')
        ? { error: 'AccessDenied', status: 403 }
        : {
            Attributes: {
              ApproximateNumberOfMessages: '5',
              ApproximateNumberOfMessagesNotVisible: '0',
              ApproximateNumberOfMessagesDelayed: '0',
            },
          },
    );
    const queue = stand.queue({ deadLettersUrl: `${stand.url}/000000000000/dead`, now: () => now, log });
    const depth = { visible: 5, inFlight: 0, delayed: 0, dead: 5 };
    for (const [at, isDenied] of [
      [0, false],
      [10_000, true],
      [20_000, true],
      [30_000, false],
    ] as const) {
      now = at;
      denied = isDenied;
      expect(await queue.depth()).toEqual(depth);
    }
    expect(log.entries.map(({ level, event }) => [level, event])).toEqual([
      ['warn', 'dead-letters-uncounted'],
      ['info', 'dead-letters-counted-again'],
    ]);
    expect(log.entries[0]?.error).toContain('sqs:GetQueueAttributes');
    denied = true;
    const amnesiac = stand.queue({ deadLettersUrl: `${stand.url}/000000000000/dead` });
    expect(await amnesiac.depth()).toEqual({ ...depth, dead: 0 });
  });

  test('a dead-letter queue that does not answer holds nobody up for long', async () => {
    const answer = Promise.withResolvers<SqsAnswer>();
    const counts = { ApproximateNumberOfMessages: '5', ApproximateNumberOfMessagesNotVisible: '0' };
    const stand = standIn(({ input }) =>
      input.QueueUrl?.endsWith('/dead')
        ? answer.promise
        : { Attributes: { ...counts, ApproximateNumberOfMessagesDelayed: '0' } },
    );
    const queue = stand.queue({ deadLettersUrl: `${stand.url}/000000000000/dead` });
    expect(await queue.depth()).toMatchObject({ visible: 5, dead: 0 });
    answer.resolve({ Attributes: counts });
    await until(async () => (await queue.depth()).dead === 5, 'the late count is there');
  });

  test('a renewal never overtakes the release of the same message', async () => {
    const gates: PromiseWithResolvers<void>[] = [];
    const stand = standIn(async request => {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      await gate.promise;
      return batchAnswer(request);
    });
    const queue = stand.queue();
    const asked = () =>
      stand.requests.map(({ input }) => input.Entries?.map(entry => entry.VisibilityTimeout));
    const renewed = queue.extend('r', 30);
    await until(() => gates.length === 1, 'the renewal is on its way');
    const released = queue.release('r');
    const tooLate = queue.extend('r', 30);
    await queue.extend('', 30);
    await Bun.sleep(50);
    expect(asked()).toEqual([[30]]);
    gates[0]?.resolve();
    expect(await renewed).toBe(true);
    await until(() => gates.length === 2, 'the release is on its way');
    gates[1]?.resolve();
    expect([await released, await tooLate]).toEqual([true, false]);
    expect(asked()).toEqual([[30], [0]]);
  });

  test('takes an answer without the counts for a failure', async () => {
    const stand = standIn(() => ({ Attributes: {} }));
    await expect(stand.queue().depth()).rejects.toThrow('ApproximateNumberOfMessages');
  });

  test.each(['', '\0', 'a\u0001', '\uffff', '\ud800'])(
    'refuses a body that SQS would not take (%#)',
    async body => {
      await expect((await newQueue()).send(body)).rejects.toThrow(TypeError);
    },
  );

  test('goes to the endpoint, whatever host the URL names', async () => {
    const url = await server.queue(`elsewhere-${made++}`);
    const path = new URL(url).pathname;
    const queue = new SqsQueue({ clients: server.sqs, url: `https://sqs.us-east-1.amazonaws.com${path}` });
    await queue.send('here');
    expect((await queue.receive({ max: 1, waitSeconds: 5 })).map(({ body }) => body)).toEqual(['here']);
  });

  test('a queue is found by its name', async () => {
    const name = `named-${made++}`;
    const url = await server.queue(name);
    expect(await queueUrl(server.sqs.calls, name)).toBe(url);
    expect(await queueUrl(server.sqs.calls, url)).toBe(url);
    await expect(queueUrl(server.sqs.calls, 'nowhere', 'FACEREC_REQUESTS')).rejects.toMatchObject({
      kind: 'missing',
      message: expect.stringContaining('queue nowhere (FACEREC_REQUESTS) does not exist'),
    });
  });

  test('a queue given by URL is looked for, too, under its account', async () => {
    const asked: unknown[] = [];
    const stand = standIn(({ input }) => {
      asked.push(input);
      return { error: 'QueueDoesNotExist' };
    });
    const url = 'https://sqs.eu-west-1.amazonaws.com/123456789012/nowhere';
    await expect(queueUrl(stand.clients.calls, url, 'FACEREC_REQUESTS')).rejects.toMatchObject({
      kind: 'missing',
      message: expect.stringContaining(`queue ${url} (FACEREC_REQUESTS) does not exist`),
    });
    await queueUrl(stand.clients.calls, 'http://emulator:9324/queue/nowhere').catch(() => {});
    expect(asked).toEqual([
      { QueueName: 'nowhere', QueueOwnerAWSAccountId: '123456789012' },
      { QueueName: 'nowhere' },
    ]);
  });

  test('who may not ask for a queue may use it all the same, where its URL is given', async () => {
    const { clients } = standIn(() => ({ error: 'AccessDenied', status: 403 }));
    const url = 'https://sqs.eu-west-1.amazonaws.com/123456789012/requests';
    expect(await queueUrl(clients.calls, url)).toBe(url);
    await expect(queueUrl(clients.calls, 'requests')).rejects.toMatchObject({ kind: 'access-denied' });
  });
});
