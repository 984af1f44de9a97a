import * as v from 'valibot';
import { FileNameSchema } from '../core/fileName.ts';
import { encodeMessage, RequestIdSchema, resultKey } from '../core/messages.ts';
import type { Failed } from '../core/results.ts';
import type { Blobs, Log, Queue } from '../ports.ts';

export interface DeadLetterOptions {
  readonly deadLetters: Queue;
  readonly responses: Queue;
  readonly output: Blobs;
  readonly log: Log;
}

/** As much of a request as an answer needs, of whatever kind and version it may be. */
const AnswerableSchema = v.object({ id: RequestIdSchema, file: FileNameSchema });

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

  /** @param count how many dead letters there are now; nothing is done unless there are new ones */
  async answer(count: number): Promise<void> {
    if (count <= this.#answered) {
      this.#answered = count;
      return;
    }
    const { deadLetters } = this.#options;
    const seen = new Map<string, string>();
    try {
      for (;;) {
        const messages = await deadLetters.receive({ max: 10, waitSeconds: 1 });
        if (messages.length === 0) break;
        for (const { id, receipt, body } of messages) {
          seen.set(id, receipt);
          await this.#answerOne(id, body);
        }
      }
      this.#answered = count;
    } finally {
      for (const receipt of seen.values()) await deadLetters.release(receipt);
    }
  }

  async #answerOne(message: string, body: string): Promise<void> {
    const { output, responses, log } = this.#options;
    const request = answerable(body);
    if (!request) {
      log.warn('dead-letter-unreadable', { message });
      return;
    }
    const failed: Failed = {
      ...request,
      status: 'failed',
      reason: 'too-many-attempts',
      detail:
        'Given up: every worker that tried this photo stopped before it could answer. It is a dead letter now.',
    };
    const bytes = new TextEncoder().encode(JSON.stringify(failed));
    // What a worker has stored is better than this and stays.
    const stored = await output.put(resultKey(request), bytes, {
      contentType: 'application/json',
      ifAbsent: true,
    });
    if (stored === undefined) return;
    await responses.send(encodeMessage({ v: 1, id: request.id }));
    log.warn('dead-letter-answered', { id: request.id });
  }
}

function answerable(body: string): { id: string; file: string } | undefined {
  try {
    const parsed = v.safeParse(AnswerableSchema, JSON.parse(body));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}
