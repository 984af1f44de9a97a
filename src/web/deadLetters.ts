import * as v from 'valibot';
import { FileNameSchema } from '../core/fileName.ts';
import { inputKey, parseRequest, RequestIdSchema, resultKey } from '../core/messages.ts';
import type { Message } from '../ports.ts';
import type { Deps, Routes } from './deps.ts';
import { Problem } from './problem.ts';
import { queuedReply } from './reply.ts';
import { resultAt } from './stored.ts';

/** Letters looked at; there may be more. */
const MOST = 100;

/** As much of a request as can be shown, of whatever version it may be. */
const LetterSchema = v.object({ id: RequestIdSchema, file: FileNameSchema });

/** Requests that failed too often: what they are, and sending them round again. */
export function deadLetterRoutes(deps: Deps): Routes {
  const { deadLetters, requests, input, log } = deps;
  // Two walks at once would hide letters from each other.
  let turn: Promise<unknown> = Promise.resolve();
  const walk = <T>(use: (letters: readonly Message[]) => Promise<T>): Promise<T> => {
    const mine = turn.then(() => withLetters(deps, use));
    turn = mine.catch(() => {});
    return mine;
  };

  return {
    '/dead-letters': {
      GET: async () => {
        const letters = await walk(async messages =>
          Promise.all(messages.map(message => shown(deps, message))),
        );
        return Response.json({ letters: letters.toSorted((a, b) => (a.sentAt < b.sentAt ? 1 : -1)) });
      },
    },
    '/dead-letters/:id/redrive': {
      POST: async c => {
        const id = c.req.param('id')?.toLowerCase() ?? '';
        return walk(async messages => {
          const same = messages.filter(({ body }) => letterOf(body)?.id === id);
          const [message] = same;
          const letter = message && letterOf(message.body);
          if (!letter)
            throw new Problem('unknown-dead-letter', 'GET /dead-letters lists them; look again in a moment.');
          const [photo] = await input.list(inputKey(letter), { limit: 1 });
          if (!photo)
            throw new Problem('photo-gone', 'The photo of this request is no longer kept. Send it again.');
          // Sent before it is deleted: twice is better than never.
          await requests.send(message.body);
          for (const { receipt } of same) await deadLetters.delete(receipt);
          log.info('redriven', { id, by: c.get('caller')?.id ?? 'open' });
          return queuedReply(id);
        });
      },
    },
  };
}

/** Takes the letters into the hand, as a queue shows them no other way, and puts back those that are left. */
async function withLetters<T>(
  { deadLetters }: Deps,
  use: (letters: readonly Message[]) => Promise<T>,
): Promise<T> {
  const letters = new Map<string, Message>();
  try {
    while (letters.size < MOST) {
      const messages = await deadLetters.receive({ max: 10, waitSeconds: letters.size === 0 ? 1 : 0 });
      const fresh = messages.filter(({ id }) => !letters.has(id));
      for (const message of messages) letters.set(message.id, message);
      if (fresh.length === 0) break;
    }
    return await use([...letters.values()]);
  } finally {
    for (const { receipt } of letters.values()) await deadLetters.release(receipt);
  }
}

async function shown({ output, input }: Deps, message: Message) {
  const sentAt = new Date(message.sentAt).toISOString();
  const letter = letterOf(message.body);
  const parsed = parseRequest(message.body);
  const unreadable = { reason: 'unknown-request', detail: 'No program of this version understands it.' };
  if (!letter) return { id: message.id, sentAt, photo: false, ...unreadable };
  const [result, photos] = await Promise.all([
    resultAt(output, resultKey(letter)),
    input.list(inputKey(letter), { limit: 1 }),
  ]);
  const why = result?.status === 'failed' ? { reason: result.reason, detail: result.detail } : {};
  const kind = 'request' in parsed ? { kind: parsed.request.kind } : unreadable;
  return { ...letter, sentAt, photo: photos.length > 0, ...kind, ...why };
}

function letterOf(body: string): v.InferOutput<typeof LetterSchema> | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), LetterSchema), body);
  return parsed.success ? parsed.output : undefined;
}
