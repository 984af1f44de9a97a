import * as v from 'valibot';
import { RequestIdSchema } from '../core/messages.ts';
import { preferred } from './accept.ts';
import type { Deps, Routes } from './deps.ts';
import { hold } from './hold.ts';
import { Problem } from './problem.ts';
import { queuedReply, resultReply } from './reply.ts';
import { waitOf } from './wait.ts';
import { parseResult } from './waiting.ts';

const DAY = 86_400_000;

/** `GET /results/:id`: the result, as JSON unless the client prefers plain text. */
export function resultRoutes(deps: Deps): NonNullable<Routes[string]> {
  return {
    GET: async c => {
      const { seconds = 0, applied } = waitOf(c);
      const id = c.req.param('id')?.toLowerCase() ?? '';
      if (!v.is(RequestIdSchema, id)) throw unknown();
      const result = (await stored(deps, id)) ?? (await later(deps, c.req.raw, id, seconds));
      if (!result) return queuedReply(id, applied);
      const form = preferred(c.req.header('accept') ?? null, ['application/json', 'text/plain']);
      return resultReply(result, form, applied);
    },
  };
}

async function stored({ output }: Deps, id: string) {
  const [info] = await output.list(`${id}/`, { limit: 1 });
  const blob = info && (await output.get(info.key));
  return blob && parseResult(blob.body);
}

/** Waits for the result of a request whose photo is there. */
async function later(deps: Deps, request: Request, id: string, seconds: number) {
  const [photo] = await deps.input.list(`${id}/`, { limit: 1 });
  if (photo) return hold(deps, request, { id, file: photo.key.slice(id.length + 1) }, seconds);
  const { resultDays } = deps.options;
  const takenAt = Number.parseInt(id.replace('-', '').slice(0, 12), 16);
  if (id[14] === '7' && takenAt < deps.now() - resultDays * DAY)
    throw new Problem('expired', `Results are kept for ${resultDays} days. Send the photo again.`);
  throw unknown();
}

function unknown(): Problem {
  return new Problem('unknown-result', 'Use the id, or the address, that the upload was answered with.');
}
