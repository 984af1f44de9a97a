import { messageOf } from '../core/errors.ts';
import { parseCompletion } from '../core/messages.ts';
import type { Log, Message, Queue } from '../ports.ts';
import { Backoff } from '../runtime/backoff.ts';
import { type SetTimer, setTimer, sleep } from '../runtime/time.ts';
import type { Noticing } from '../webhooks/noticing.ts';
import type { Waiting } from './waiting.ts';

const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 5_000;

export interface CompletionsOptions {
  readonly responses: Queue;
  readonly waiting: Pick<Waiting, 'completed'>;
  /** Whoever else is to know, durably. */
  readonly noticing?: Pick<Noticing, 'completed'>;
  readonly log: Log;
  /** Ends the loop; what has been received by then is still dealt with. */
  readonly signal: AbortSignal;
  /** Long poll, 0 to 20 seconds. */
  readonly waitSeconds?: number;
  readonly setTimer?: SetTimer;
  /** ms of any clock that only goes forward. */
  readonly now?: () => number;
}

/** Wakes waiting clients by the completions that arrive, until the signal fires. Never rejects. */
export async function consumeCompletions(options: CompletionsOptions): Promise<void> {
  const { responses, log, signal, waitSeconds = 20, setTimer: timer = setTimer } = options;
  const now = options.now ?? (() => performance.now());
  const backoff = new Backoff(FIRST_PAUSE, LONGEST_PAUSE);
  while (!signal.aborted) {
    const polledAt = now();
    try {
      const messages = await responses.receive({ max: 10, waitSeconds, signal });
      await Promise.all(messages.map(message => handle(options, message)));
      if (backoff.failing) log.info('completions-back');
      backoff.reset();
      // A queue that does not poll long answers at once: that must not become a hot loop.
      if (messages.length === 0 && now() - polledAt < FIRST_PAUSE) await sleep(FIRST_PAUSE, signal, timer);
    } catch (error) {
      if (!backoff.failing) log.error('completions-unavailable', { error: messageOf(error) });
      await sleep(backoff.next(), signal, timer);
    }
  }
}

async function handle(options: CompletionsOptions, message: Message): Promise<void> {
  const { responses, waiting, noticing, log } = options;
  const parsed = parseCompletion(message.body);
  if ('completion' in parsed) {
    waiting.completed(parsed.completion.id);
    await noticing?.completed(parsed.completion.id);
  } else log.warn('completion-ignored', { message: message.id, problem: parsed.problem });
  await responses.delete(message.receipt);
}
