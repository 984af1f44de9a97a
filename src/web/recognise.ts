import * as v from 'valibot';
import { ThresholdSchema } from '../core/messages.ts';
import { preferred } from './accept.ts';
import type { Deps, Routes } from './deps.ts';
import { hold } from './hold.ts';
import { takeIn } from './intake.ts';
import { Problem } from './problem.ts';
import { type Form, queuedReply, resultReply } from './reply.ts';
import { waitOf } from './wait.ts';

/** `POST /`: takes a photo, and answers with 202 or, where the client or the server's setting waits, with the result. */
export function recogniseRoutes(deps: Deps): NonNullable<Routes[string]> {
  const holdsByDefault = deps.options.reply === 'result';
  const forms: [Form, Form] = holdsByDefault
    ? ['text/plain', 'application/json']
    : ['application/json', 'text/plain'];
  return {
    POST: async c => {
      const request = c.req.raw;
      const { seconds = holdsByDefault ? Number.POSITIVE_INFINITY : undefined, applied } = waitOf(c);
      const photo = await takeIn(deps, c, (id, { file, fields }) => {
        const threshold = thresholdOf(c.req.query('threshold') ?? fields.get('threshold'));
        return { v: 1, kind: 'recognise', id, file, ...threshold } as const;
      });
      const result = seconds === undefined ? undefined : await hold(deps, request, photo, seconds);
      if (!result) return queuedReply(photo.id, applied);
      const accept = c.req.header('accept') ?? null;
      return resultReply(result, preferred(accept, forms), applied);
    },
  };
}

export function thresholdOf(text: string | undefined): { threshold?: number } {
  if (text === undefined) return {};
  const schema = v.pipe(
    v.string(),
    v.regex(/^\s*[-+]?(\d+\.?\d*|\.\d+)\s*$/),
    v.transform(Number),
    ThresholdSchema,
  );
  const parsed = v.safeParse(schema, text);
  if (parsed.success) return { threshold: parsed.output };
  throw new Problem(
    'invalid-threshold',
    'Give a cosine similarity from -1 to 1, such as 0.4, or leave it out.',
  );
}
