import * as v from 'valibot';
import { pack } from '../../../src/core/embedding.ts';
import {
  encodeMessage,
  type Request as PhotoRequest,
  parseRequest,
  resultKey,
} from '../../../src/core/messages.ts';
import type { Result } from '../../../src/core/results.ts';
import { GalleryStore } from '../../../src/gallery/store.ts';
import type {
  Blobs,
  ListOptions,
  Log,
  LogFields,
  Message,
  PutOptions,
  Queue,
  ReceiveOptions,
} from '../../../src/ports.ts';
import type { SetTimer } from '../../../src/runtime/time.ts';
import type { Access } from '../../../src/web/access/access.ts';
import { Keyring } from '../../../src/web/access/keyring.ts';
import { RateLimiter } from '../../../src/web/access/rateLimit.ts';
import { createApp } from '../../../src/web/app.ts';
import type { AppDeps, WebOptions } from '../../../src/web/deps.ts';
import { Events } from '../../../src/web/events.ts';
import { Waiting } from '../../../src/web/waiting.ts';
import { conforming } from './conforming.ts';

/** Objects in memory, and a `fail` that stands for a full disk. */
export class MemoryBlobs implements Blobs {
  readonly objects = new Map<string, { body: Uint8Array; etag: string; modifiedAt: number }>();
  fail: Error | undefined;
  reads = 0;
  #etag = 0;

  async put(key: string, body: Uint8Array, { ifAbsent, ifMatch }: PutOptions = {}) {
    this.#check();
    const held = this.objects.get(key);
    if ((ifAbsent && held) || (ifMatch !== undefined && held?.etag !== ifMatch)) return undefined;
    const etag = String(++this.#etag);
    this.objects.set(key, { body: body.slice(), etag, modifiedAt: Date.now() });
    return etag;
  }

  async get(key: string) {
    this.reads += 1;
    this.#check();
    const held = this.objects.get(key);
    return held && { body: held.body.slice(), etag: held.etag };
  }

  async list(prefix: string, { limit, after = '' }: ListOptions = {}) {
    this.#check();
    return [...this.objects]
      .filter(([key]) => key.startsWith(prefix) && key > after)
      .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map(([key, { body, modifiedAt }]) => ({ key, size: body.length, modifiedAt }))
      .slice(0, limit);
  }

  async delete(key: string) {
    this.objects.delete(key);
  }

  #check(): void {
    if (this.fail) throw this.fail;
  }
}

/** A queue in memory, whose messages stay in flight until deleted or released. */
export class MemoryQueue implements Queue {
  fail: Error | undefined;
  receives = 0;
  #messages: { body: string; receipt: string | undefined; count: number; id: string; sentAt: number }[] = [];
  #wake = new Set<() => void>();

  get bodies(): string[] {
    return this.#messages.map(message => message.body);
  }

  async send(body: string) {
    this.#check();
    this.#messages.push({ body, receipt: undefined, count: 0, id: crypto.randomUUID(), sentAt: Date.now() });
    for (const wake of [...this.#wake]) wake();
  }

  async receive({ max, waitSeconds, signal }: ReceiveOptions): Promise<Message[]> {
    this.receives += 1;
    this.#check();
    const found = this.#messages.filter(message => message.receipt === undefined).slice(0, max);
    if (found.length > 0 || waitSeconds === 0 || signal?.aborted) {
      return found.map(message => {
        message.receipt = crypto.randomUUID();
        message.count += 1;
        return { ...message, receipt: message.receipt, receiveCount: message.count };
      });
    }
    await new Promise<void>(resolve => {
      const wake = () => {
        this.#wake.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake.add(wake);
      signal?.addEventListener('abort', wake);
    });
    return this.receive({ max, waitSeconds: signal?.aborted ? 0 : waitSeconds, ...(signal && { signal }) });
  }

  async extend(receipt: string) {
    return this.#messages.some(message => message.receipt === receipt);
  }

  async release(receipt: string) {
    const message = this.#messages.find(candidate => candidate.receipt === receipt);
    if (message) message.receipt = undefined;
    for (const wake of [...this.#wake]) wake();
    return message !== undefined;
  }

  async delete(receipt: string) {
    this.#messages = this.#messages.filter(message => message.receipt !== receipt);
  }

  async depth() {
    this.#check();
    const inFlight = this.#messages.filter(message => message.receipt !== undefined).length;
    return { visible: this.#messages.length - inFlight, inFlight, delayed: 0, dead: 0 };
  }

  #check(): void {
    if (this.fail) throw this.fail;
  }
}

/** One that answers at once, also where there is nothing. */
class ShortQueue extends MemoryQueue {
  override async receive(options: ReceiveOptions) {
    return super.receive({ ...options, waitSeconds: 0 });
  }
}

/** A clock that moves when told, with its timers. */
export class FakeTime {
  ms = Date.parse('2026-05-01T00:00:00Z');
  readonly #timers = new Set<{ at: number; run: () => void }>();

  readonly now = (): number => this.ms;

  readonly setTimer: SetTimer = (run, ms) => {
    const timer = { at: this.ms + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  get timers(): number {
    return this.#timers.size;
  }

  /** How long until the next timer, ms. */
  get nextIn(): number {
    return Math.min(...[...this.#timers].map(timer => timer.at)) - this.ms;
  }

  async advance(ms: number): Promise<void> {
    const end = this.ms + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(timer => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.ms = due.at;
      due.run();
      await settle();
    }
    this.ms = end;
  }
}

/** Lets everything run that waits for nothing but promises. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise<void>(resolve => setImmediate(resolve));
}

export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly fields: LogFields;
}

export function memoryLog(): Log & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: string) =>
    (event: string, fields: LogFields = {}) =>
      void lines.push({ level, event, fields });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export function failure(code: string): Error {
  return Object.assign(new Error(`${code}: something about /data/secret`), { code });
}

const model = 'test-model';

/** What the worker of these tests answers: everybody on a photo is Ann. */
export function done(request: PhotoRequest): Result {
  const common = {
    id: request.id,
    file: request.file,
    status: 'done' as const,
    model,
    timings: { total: 5 },
  };
  const box: [number, number, number, number] = [1, 2, 3, 4];
  if (request.kind === 'enrol')
    return { ...common, person: request.person, face: request.id, quality: 9, box };
  return {
    ...common,
    label: 'Ann',
    image: { width: 10, height: 10 },
    faces: [],
    threshold: request.threshold ?? 0.4,
  };
}

export function failed(request: PhotoRequest): Result {
  return {
    id: request.id,
    file: request.file,
    status: 'failed',
    reason: 'no-face',
    detail: 'There is no face.',
  };
}

/** A web server's world in memory, and a worker that answers when told. */
export function rig(options: Partial<WebOptions> = {}, deps: Partial<AppDeps> = {}) {
  const log = memoryLog();
  const [requests, responses] = [new MemoryQueue(), new MemoryQueue()];
  const [input, output, gallery] = [new MemoryBlobs(), new MemoryBlobs(), new MemoryBlobs()];
  const people = new GalleryStore({ blobs: gallery });
  const deadLetters = new ShortQueue();
  const time = new FakeTime();
  const events = new Events({
    ...{ requests, output, fleet: 'test', now: time.now, setTimer: time.setTimer },
    newId: Bun.randomUUIDv7,
  });
  const waiting = new Waiting({ output, now: time.now, setTimer: time.setTimer });
  const access: Access = {
    keyring: new Keyring({ store: gallery, now: time.now, monotonic: time.now }),
    open: 'this-machine',
    limiter: new RateLimiter(0, time.now),
  };
  const app = conforming(
    createApp({
      ...{
        access,
        gallery,
        requests,
        responses,
        deadLetters,
        events,
        input,
        output,
        people,
        waiting,
        log,
        now: time.now,
        setTimer: time.setTimer,
        ...deps,
      },
      options: { reply: 'ack', maxUploadBytes: 100_000, resultDays: 30, ...options },
    }),
  );
  /** Stores a result and tells those who wait. */
  const complete = async (result: Result) => {
    await output.put(resultKey(result), new TextEncoder().encode(JSON.stringify(result)));
    waiting.completed(result.id);
  };
  /** Answers the requests that are queued, as a worker does. */
  const work = async (answer: (request: PhotoRequest) => Result = done) => {
    await settle();
    const messages = await requests.receive({ max: 10, waitSeconds: 0 });
    for (const { body, receipt } of messages) {
      const parsed = parseRequest(body);
      if (!('request' in parsed)) throw new Error(parsed.problem);
      const { request } = parsed;
      if (request.kind === 'enrol' && answer === done) await people.append([faceOf(request)]);
      await complete(answer(request));
      await responses.send(encodeMessage({ v: 1, id: request.id }));
      await requests.delete(receipt);
    }
    await settle();
    return messages.length;
  };
  return {
    app,
    log,
    access,
    deadLetters,
    events,
    requests,
    responses,
    input,
    output,
    gallery,
    people,
    time,
    waiting,
    complete,
    work,
  };
}

/** As the worker of these tests enrols it. */
export function faceOf({
  id,
  file,
  person,
}: {
  readonly id: string;
  readonly file: string;
  readonly person: string;
}) {
  const embedding = pack(new Float32Array([1, 0]));
  return { type: 'face', person, face: id, file, model, quality: 9, embedding } as const;
}

export const jpeg = new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 2, 3]);

/** A multipart body as the batch client sends it: no Content-Type on the part. */
export function multipart(
  parts: readonly { disposition: string; content: Uint8Array | string; type?: string }[],
): RequestInit {
  const chunks = parts.flatMap(({ disposition, content, type }) => [
    Buffer.from(`--XX\r\nContent-Disposition: form-data; ${disposition}\r\n`),
    Buffer.from(type === undefined ? '\r\n' : `Content-Type: ${type}\r\n\r\n`),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ]);
  const body = Buffer.concat([...chunks, Buffer.from('--XX--\r\n')]);
  return { method: 'POST', body, headers: { 'content-type': 'multipart/form-data; boundary=XX' } };
}

export function photo(fileName = 'photo.jpg', content: Uint8Array | string = jpeg): RequestInit {
  return multipart([{ disposition: `name="inputFile"; filename="${fileName}"`, content }]);
}

/** The same request with more headers. */
export function withHeaders(init: RequestInit, headers: Record<string, string>): RequestInit {
  return { ...init, headers: { ...Object.fromEntries(new Headers(init.headers)), ...headers } };
}

const QueuedSchema = v.object({ id: v.string(), status: v.literal('queued'), result: v.string() });

export async function queued(response: Response): Promise<v.InferOutput<typeof QueuedSchema>> {
  if (response.status !== 202) throw new Error(`${response.status}: ${await response.text()}`);
  return v.parse(QueuedSchema, await response.json());
}

/** Status and slug of a problem, such as `400 missing-file`. */
export async function problem(response: Response): Promise<string> {
  const type = response.headers.get('content-type');
  if (type !== 'application/problem+json') throw new Error(`${response.status} of type ${type}`);
  const text = await response.text();
  const body = v.parse(
    v.object({ type: v.string(), title: v.string(), status: v.number(), detail: v.string() }),
    JSON.parse(text),
  );
  if (body.status !== response.status)
    throw new Error(`status ${body.status} in the body of a ${response.status}`);
  return `${response.status} ${body.type.replace('urn:facerec:problem:', '')}`;
}
