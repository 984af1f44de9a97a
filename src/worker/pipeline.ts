import * as v from 'valibot';
import { messageOf, Permanent } from '../core/errors.ts';
import { jsonBytes } from '../core/json.ts';
import { encodeMessage, inputKey, parseRequest, type Request, resultKey } from '../core/messages.ts';
import { type Failed, type Result, ResultSchema } from '../core/results.ts';
import { traceIdOf } from '../core/trace.ts';
import type { Photo } from '../face/image.ts';
import type { Blobs, Log, Message, Queue } from '../ports.ts';
import { digestOf } from '../runtime/digest.ts';

/** Engine and gallery, as the pipeline sees them. */
export interface Answerer {
  /** Brings in every change of the gallery made before this call. */
  refresh(): Promise<void>;
  /** @throws Permanent for what is no readable photo */
  decode(bytes: Uint8Array): Promise<Photo>;
  /**
   * @param timings ms of the stages so far
   * @param started when work on the request began, on the clock of `performance.now()`
   * @param digest of the photo's file, for an enrolment
   * @throws Permanent where an enrolment finds no single good face or no such person
   */
  answer(
    request: Request,
    photo: Photo,
    timings: Readonly<Record<string, number>>,
    started: number,
    digest?: string,
  ): Promise<Result>;
}

/** Who counts and measures. Times are ms. */
export interface Observer {
  received(waitedMs: number): void;
  /** @param totalMs since the request was queued */
  stored(result: Result, storeMs: number, totalMs: number): void;
}

/** Lets a number of tasks run at once; the others wait. */
interface Limit {
  /** Resolves to what ends the task. */
  enter(): Promise<() => void>;
}

export interface PipelineOptions {
  readonly requests: Queue;
  readonly responses: Queue;
  readonly deadLetters: Queue;
  readonly input: Blobs;
  readonly output: Blobs;
  readonly recogniser: Answerer;
  readonly maxReceives: number;
  readonly visibilitySeconds: number;
  readonly log: Log;
  readonly metrics?: Observer;
  /** Limits how many photos are in memory as files, */
  readonly downloading: Limit;
  /** and how many decoded. */
  readonly decoding: Limit;
}

/** What became of a message. */
export const outcomes = ['done', 'failed', 'retried', 'released', 'refused'] as const;
export type Outcome = (typeof outcomes)[number];

/**
 * The whole way of one request: download, recognise, store, notify, delete. Any step may happen twice, none is skipped,
 * and the message is deleted only when all else is durable. Aborting `signal` gives it back if recognition has not begun.
 * `worked` is called when only the queues are still to be told.
 */
export async function handle(
  message: Message,
  options: PipelineOptions,
  signal: AbortSignal,
  worked: () => void = () => {},
): Promise<Outcome> {
  const { requests, log } = options;
  const started = performance.now();
  const parsed = parseRequest(message.body);
  if ('problem' in parsed) {
    // Another version's message, or nobody's: it goes round until the queue moves it to the dead letters.
    log.warn('request-refused', {
      message: message.id,
      problem: parsed.problem,
      receives: message.receiveCount,
    });
    await giveBack(message, options);
    return 'refused';
  }
  const { request } = parsed;
  const waitedMs = Math.max(0, Date.now() - message.sentAt);
  options.metrics?.received(waitedMs);
  let result: Result | undefined;
  try {
    result =
      (await earlierResult(message, request, options)) ??
      (await recognise(request, options, signal, started));
    if (result) await store(request, result, options, waitedMs, started);
  } catch (error) {
    log.warn('request-error', {
      id: request.id,
      ...traceOf(request),
      receives: message.receiveCount,
      error: messageOf(error),
    });
    if (message.receiveCount < options.maxReceives) {
      await requests.extend(message.receipt, pauseAfter(message.receiveCount, options.visibilitySeconds));
      return 'retried';
    }
    await store(request, tooManyAttempts(request, messageOf(error)), options, waitedMs, started);
    await notify(request, options);
    await giveBack(message, options);
    return 'failed';
  }
  worked();
  if (!result) {
    await requests.release(message.receipt);
    return 'released';
  }
  // From here on the answer is safe: what fails now brings the message round again, and the answer stays.
  await notify(request, options);
  await requests.delete(message.receipt);
  log.info('answered', {
    id: request.id,
    ...traceOf(request),
    kind: request.kind,
    status: result.status,
    ...(result.status === 'failed' && { reason: result.reason }),
    receives: message.receiveCount,
    waitedMs,
    ms: Math.round(performance.now() - started),
  });
  return result.status;
}

/** A message received before may have been finished by a worker that died before it could delete it. */
async function earlierResult(
  message: Message,
  request: Request,
  options: PipelineOptions,
): Promise<Result | undefined> {
  if (message.receiveCount === 1) return undefined;
  const stored = await options.output.get(resultKey(request));
  if (!stored) return undefined;
  const parsed = v.safeParse(ResultSchema, JSON.parse(new TextDecoder().decode(stored.body)));
  if (!parsed.success) return undefined;
  // Given up before, and now sent round again by an operator: try once more.
  if (parsed.output.status === 'failed' && parsed.output.reason === 'too-many-attempts') return undefined;
  return parsed.output;
}

/** undefined when asked to stop before recognition began. */
async function recognise(
  request: Request,
  options: PipelineOptions,
  signal: AbortSignal,
  started: number,
): Promise<Result | undefined> {
  const { input, recogniser, downloading, decoding } = options;
  const ends: (() => void)[] = [];
  try {
    const downloaded = await downloading.enter();
    ends.push(downloaded);
    if (signal.aborted) return undefined;
    const begun = performance.now();
    const [file] = await Promise.all([input.get(inputKey(request)), recogniser.refresh()]);
    if (!file) throw new Permanent('photo-missing', 'The photo is no longer in the input store.');
    const download = performance.now() - begun;
    ends.push(await decoding.enter());
    if (signal.aborted) return undefined;
    const decodeBegun = performance.now();
    const digest = request.kind === 'enrol' ? digestOf(file.body) : undefined;
    const photo = await recogniser.decode(file.body);
    downloaded();
    return await recogniser.answer(
      request,
      photo,
      { download, decode: performance.now() - decodeBegun },
      started,
      digest,
    );
  } catch (error) {
    if (!(error instanceof Permanent)) throw error;
    // Whoever deletes a person means the photos that are still on their way, too.
    if (error.reason === 'unknown-person') await input.delete(inputKey(request));
    const { id, file } = request;
    return { id, file, status: 'failed', reason: error.reason, detail: error.message };
  } finally {
    for (const end of ends) end();
  }
}

/**
 * @param waitedMs how long the request was in the queue
 * @param started when work on it began, on the clock of `performance.now()`
 */
async function store(
  request: Request,
  result: Result,
  { output, metrics }: Pick<PipelineOptions, 'output' | 'metrics'>,
  waitedMs: number,
  started: number,
): Promise<void> {
  const body = jsonBytes({ ...result, ...traceOf(request) });
  const begun = performance.now();
  await output.put(resultKey(request), body, { contentType: 'application/json' });
  const now = performance.now();
  metrics?.stored(result, now - begun, waitedMs + now - started);
}

function traceOf({ trace }: Request): { trace?: string } {
  return trace === undefined ? {} : { trace: traceIdOf(trace) };
}

/** Lets the web servers know that the result is stored. */
async function notify(
  { id }: { id: string },
  { responses }: Pick<PipelineOptions, 'responses'>,
): Promise<void> {
  await responses.send(encodeMessage({ v: 1, id }));
}

/** Back to the queue, which moves it to the dead letters in time; by hand where the queue has no redrive of its own. */
async function giveBack(
  message: Message,
  { requests, deadLetters, maxReceives }: PipelineOptions,
): Promise<void> {
  if (message.receiveCount <= maxReceives) {
    await requests.release(message.receipt);
    return;
  }
  await deadLetters.send(message.body);
  await requests.delete(message.receipt);
}

function tooManyAttempts({ id, file }: { id: string; file: string }, last: string): Failed {
  const detail = `Given up after several attempts; the request is in the dead-letter queue. Last error: ${last}`;
  return { id, file, status: 'failed', reason: 'too-many-attempts', detail };
}

/** Seconds until the next attempt, each three times the one before: 8, 23, 68, 203 for a visibility timeout of 30 s. */
function pauseAfter(attempts: number, visibilitySeconds: number): number {
  return Math.min(43_200, Math.ceil((visibilitySeconds / 4) * 3 ** (attempts - 1)));
}
