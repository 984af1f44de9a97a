import { beforeEach, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import * as v from 'valibot';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { LocalQueue } from '../../../src/adapters/local/queue.ts';
import { Permanent } from '../../../src/core/errors.ts';
import { encodeMessage, inputKey, type Request, resultKey } from '../../../src/core/messages.ts';
import { type Result, ResultSchema } from '../../../src/core/results.ts';
import type { Message } from '../../../src/ports.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { type Answerer, handle, type PipelineOptions } from '../../../src/worker/pipeline.ts';
import { Slots } from '../../../src/worker/slots.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { wrapBlobs, wrapQueue } from '../../support/wrap.ts';

const photo = { pixels: new Uint8Array(3), width: 1, height: 1, upright: { width: 1, height: 1 } };
const decoded = { ...photo, detectorInput: photo };
const never = new AbortController().signal;

let time: number;
let options: PipelineOptions & { requests: LocalQueue; responses: LocalQueue; deadLetters: LocalQueue };
/** Stands in for engine and gallery; the pipeline's own parts are the real ones. */
let answerer: { -readonly [K in keyof Answerer]: Answerer[K] };

beforeEach(async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'queue.sqlite');
  time = Date.now();
  const now = () => time;
  const queue = (name: string) => new LocalQueue({ file, name, visibilitySeconds: 30, now });
  answerer = {
    refresh: async () => {},
    decode: async () => decoded,
    answer: async request => done(request),
  };
  options = {
    requests: new LocalQueue({
      file,
      name: 'q',
      visibilitySeconds: 30,
      maxReceives: 5,
      deadLetters: 'dead',
      now,
    }),
    responses: queue('responses'),
    deadLetters: queue('dead'),
    input: await LocalBlobs.open(join(directory, 'in')),
    output: await LocalBlobs.open(join(directory, 'out')),
    recogniser: answerer,
    maxReceives: 5,
    visibilitySeconds: 30,
    log: silentLog,
    downloading: new Slots(4),
    decoding: new Slots(2),
  };
});

function done({ id, file }: Request): Result {
  const image = { width: 1, height: 1 };
  return {
    id,
    file,
    status: 'done',
    label: 'Ada',
    image,
    faces: [],
    threshold: 0.4,
    model: 'm',
    timings: {},
  };
}

async function post(file = 'a.jpg'): Promise<Request> {
  const request: Request = { v: 1, kind: 'recognise', id: Bun.randomUUIDv7(), file };
  await options.input.put(inputKey(request), new Uint8Array([1]));
  await options.requests.send(encodeMessage(request));
  return request;
}

async function receive(): Promise<Message> {
  const [message] = await options.requests.receive({ max: 1, waitSeconds: 0 });
  if (!message) throw new Error('nothing to receive');
  return message;
}

async function stored(request: Request): Promise<Result | undefined> {
  const blob = await options.output.get(resultKey(request));
  return blob && v.parse(ResultSchema, JSON.parse(new TextDecoder().decode(blob.body)));
}

async function completions(): Promise<string[]> {
  const messages = await options.responses.receive({ max: 10, waitSeconds: 0 });
  return messages.map(message => JSON.parse(message.body).id);
}

test('stores the result, notifies, and only then deletes', async () => {
  const request = await post();
  const steps: string[] = [];
  const { output, responses, requests } = options;
  const watched: PipelineOptions = {
    ...options,
    output: wrapBlobs(output, {
      put: (...args) => {
        steps.push('store');
        return output.put(...args);
      },
    }),
    responses: wrapQueue(responses, {
      send: body => {
        steps.push('notify');
        return responses.send(body);
      },
    }),
    requests: wrapQueue(requests, {
      delete: receipt => {
        steps.push('delete');
        return requests.delete(receipt);
      },
    }),
  };
  expect(await handle(await receive(), watched, never)).toBe('done');
  expect(steps).toEqual(['store', 'notify', 'delete']);
  expect(await stored(request)).toMatchObject({ status: 'done', label: 'Ada' });
  expect(await completions()).toEqual([request.id]);
  expect(await options.requests.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 0, dead: 0 });
});

describe('what can never succeed is answered at once', () => {
  test('a photo that cannot be read', async () => {
    const request = await post();
    answerer.decode = async () => {
      throw new Permanent('corrupt-image', 'It is torn.');
    };
    expect(await handle(await receive(), options, never)).toBe('failed');
    expect(await stored(request)).toMatchObject({
      status: 'failed',
      reason: 'corrupt-image',
      detail: 'It is torn.',
    });
    expect(await completions()).toEqual([request.id]);
    expect(await options.requests.depth()).toMatchObject({ visible: 0, inFlight: 0 });
  });

  test('a photo that is gone', async () => {
    const request = await post();
    await options.input.delete(inputKey(request));
    expect(await handle(await receive(), options, never)).toBe('failed');
    expect(await stored(request)).toMatchObject({ reason: 'photo-missing' });
  });
});

describe('what may succeed later', () => {
  test('comes round again after growing pauses, and dies with an answer', async () => {
    const request = await post();
    answerer.answer = async () => {
      throw new Error('engine hiccup');
    };
    for (const pause of [8, 23, 68, 203]) {
      expect(await handle(await receive(), options, never)).toBe('retried');
      expect(await options.requests.depth()).toMatchObject({ visible: 0, inFlight: 1 });
      time += pause * 1000;
      expect(await stored(request)).toBeUndefined();
    }
    expect(await handle(await receive(), options, never)).toBe('failed');
    expect(await stored(request)).toMatchObject({ reason: 'too-many-attempts' });
    expect(await completions()).toEqual([request.id]);
    expect(await options.requests.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 0, dead: 1 });
  });

  test('stores that do not answer', async () => {
    const request = await post();
    const unreachable = wrapBlobs(options.input, { get: () => Promise.reject(new Error('no route')) });
    const full = wrapBlobs(options.output, { put: () => Promise.reject(new Error('disk full')) });
    expect(await handle(await receive(), { ...options, input: unreachable }, never)).toBe('retried');
    time += 60_000;
    expect(await handle(await receive(), { ...options, output: full }, never)).toBe('retried');
    time += 60_000;
    expect(await handle(await receive(), options, never)).toBe('done');
    expect(await stored(request)).toMatchObject({ status: 'done' });
  });

  test('a dead letter sent round again by an operator gets its second chance', async () => {
    const request = await post();
    answerer.answer = async () => {
      throw new Error('engine hiccup');
    };
    const onlyOnce = { ...options, maxReceives: 1 };
    expect(await handle(await receive(), onlyOnce, never)).toBe('failed');
    answerer.answer = async r => done(r);
    expect(await handle(await receive(), options, never)).toBe('done');
    expect(await stored(request)).toMatchObject({ status: 'done' });
  });
});

test('finished by a worker that died before deleting: the answer stays, the work is not done twice', async () => {
  const request = await post();
  const { requests } = options;
  const dying = wrapQueue(requests, { delete: () => Promise.reject(new Error('killed')) });
  await expect(handle(await receive(), { ...options, requests: dying }, never)).rejects.toThrow('killed');
  time += 60_000;
  let again = 0;
  answerer.answer = async r => {
    again++;
    return done(r);
  };
  expect(await handle(await receive(), options, never)).toBe('done');
  expect(again).toBe(0);
  expect(await stored(request)).toMatchObject({ label: 'Ada' });
  expect(await options.requests.depth()).toMatchObject({ visible: 0, inFlight: 0 });
});

test('a queue that fails after the result is stored never turns the answer into a failure', async () => {
  const request = await post();
  const dying = wrapQueue(options.responses, { send: () => Promise.reject(new Error('no route')) });
  const last = { ...options, maxReceives: 1, responses: dying };
  await expect(handle(await receive(), last, never)).rejects.toThrow('no route');
  expect(await stored(request)).toMatchObject({ status: 'done', label: 'Ada' });
});

test('drain gives back what was not begun', async () => {
  await post();
  expect(await handle(await receive(), options, AbortSignal.abort())).toBe('released');
  expect(await options.requests.depth()).toMatchObject({ visible: 1, inFlight: 0 });
});

test.each(['{', '{"v":2}', 'null', '"x"'])('hostile body %p ends in the dead-letter queue', async body => {
  await options.requests.send(body);
  for (let i = 0; i < 5; i++) expect(await handle(await receive(), options, never)).toBe('refused');
  expect(await options.requests.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 0, dead: 1 });
  expect(await options.output.list('')).toEqual([]);
});

test('a queue without redrive: the worker buries by hand', async () => {
  await options.requests.send('{');
  const message = await receive();
  expect(await handle({ ...message, receiveCount: 6 }, options, never)).toBe('refused');
  expect(await options.requests.depth()).toMatchObject({ visible: 0, inFlight: 0 });
  expect(await options.deadLetters.depth()).toMatchObject({ visible: 1 });
});
