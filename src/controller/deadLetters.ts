import * as v from 'valibot';
import { FileNameSchema } from '../core/fileName.ts';
import { jsonBytes } from '../core/json.ts';
import { encodeMessage, parseRequest, RequestIdSchema, resultKey } from '../core/messages.ts';
import type { Failed } from '../core/results.ts';
import { TraceParentSchema, traceIdOf } from '../core/trace.ts';
import type { Blobs, Log, Queue } from '../ports.ts';

export interface DeadLetterOptions {
  readonly deadLetters: Queue;
  readonly responses: Queue;
  readonly output: Blobs;
  readonly log: Log;
}

/** As much of a request as an answer needs, of whatever kind and version it may be. */
const AnswerableSchema = v.object({
  id: RequestIdSchema,
  file: FileNameSchema,
  trace: v.fallback(v.optional(TraceParentSchema), undefined),
});

/**
 * Sees to it that every dead letter has a `failed` result, so that whoever waits for it gets an answer, also when the
 * workers that tried it died without a word. The letters themselves stay where they are, for the operator.
 */
export class DeadLetters {
  readonly #options: DeadLetterOptions;
  #answered = 0;

  constructor(options: DeadLetterOptions) {
    this.#options = options;
  }

  /**
   * Nothing is done unless there are new letters.
   * @param count how many there are now
   */
  async answer(count: number, stop: AbortSignal): Promise<void> {
    if (count > this.#answered && !(await this.#walk(stop))) return;
    this.#answered = count;
  }

  /** Looks at each letter once; false when asked to stop before the end. */
  async #walk(stop: AbortSignal): Promise<boolean> {
    const { deadLetters } = this.#options;
    const receipts = new Map<string, string>();
    try {
      while (!stop.aborted) {
        const messages = await deadLetters.receive({ max: 10, waitSeconds: 1, signal: stop });
        // A long walk meets the first letters again, once their visibility timeout is over.
        const fresh = messages.filter(({ id }) => !receipts.has(id));
        for (const { id, receipt } of messages) receipts.set(id, receipt);
        if (fresh.length === 0) return !stop.aborted;
        for (const { id, body } of fresh) await this.#answerOne(id, body);
      }
      return false;
    } finally {
      for (const receipt of receipts.values()) await deadLetters.release(receipt);
    }
  }

  async #answerOne(message: string, body: string): Promise<void> {
    const { output, responses, log } = this.#options;
    const request = answerable(body);
    if (!request) {
      log.warn('dead-letter-unreadable', { message });
      return;
    }
    // What a worker has stored is better than this and stays.
    if (await output.get(resultKey(request))) return;
    const failed: Failed = { ...request, status: 'failed', ...verdict(body) };
    const { trace } = failed;
    const bytes = jsonBytes(failed);
    await output.put(resultKey(request), bytes, { contentType: 'application/json', ifAbsent: true });
    await responses.send(encodeMessage({ v: 1, id: request.id }));
    log.warn('dead-letter-answered', { id: request.id, ...(trace && { trace }), reason: failed.reason });
  }
}

/** Why it died, as far as the letter tells. */
function verdict(body: string): Pick<Failed, 'reason' | 'detail'> {
  const parsed = parseRequest(body);
  if ('problem' in parsed)
    return {
      reason: 'unknown-request',
      detail: `No worker understood the request (${parsed.problem}); it may come from another version. It is a dead letter now.`,
    };
  return {
    reason: 'too-many-attempts',
    detail:
      'Given up: every worker that tried this photo stopped before it could answer. It is a dead letter now.',
  };
}

function answerable(body: string): { id: string; file: string; trace?: string } | undefined {
  try {
    const parsed = v.safeParse(AnswerableSchema, JSON.parse(body));
    if (!parsed.success) return undefined;
    const { trace, ...request } = parsed.output;
    return trace === undefined ? request : { ...request, trace: traceIdOf(trace) };
  } catch {
    return undefined;
  }
}
