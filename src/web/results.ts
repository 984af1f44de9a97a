import * as v from 'valibot';
import { RequestIdSchema, timeOf } from '../core/messages.ts';
import type { Result } from '../core/results.ts';
import { preferred } from './accept.ts';
import type { Deps, Routes } from './deps.ts';
import { hold } from './hold.ts';
import { pageOf } from './listing.ts';
import { Problem } from './problem.ts';
import { queuedReply, resultReply } from './reply.ts';
import { resultOf } from './stored.ts';
import { waitOf } from './wait.ts';

const DAY = 86_400_000;

/** `GET /results/:id`: the result, as JSON unless the client prefers plain text. */
export function resultRoutes(deps: Deps): NonNullable<Routes[string]> {
  return {
    GET: async c => {
      const { seconds = 0, applied } = waitOf(c);
      const id = c.req.param('id')?.toLowerCase() ?? '';
      if (!v.is(RequestIdSchema, id)) throw unknown();
      const result = (await resultOf(deps.output, id)) ?? (await later(deps, c.req.raw, id, seconds));
      if (!result) return queuedReply(id, applied);
      const form = preferred(c.req.header('accept') ?? null, ['application/json', 'text/plain']);
      return resultReply(result, form, applied);
    },
  };
}

const PageSchema = v.object({
  limit: v.optional(
    v.pipe(v.string(), v.regex(/^\d{1,3}$/), v.transform(Number), v.minValue(1), v.maxValue(100)),
    '20',
  ),
  cursor: v.optional(v.pipe(v.string(), v.uuid(), v.toLowerCase())),
  status: v.optional(v.picklist(['done', 'failed'])),
  person: v.optional(v.string()),
});

/** `GET /results`: what is stored, the newest first, a page at a time. */
export function listingRoutes(deps: Deps): NonNullable<Routes[string]> {
  return {
    GET: async c => {
      const asked = v.safeParse(PageSchema, c.req.query());
      if (!asked.success)
        throw new Problem(
          'invalid-page',
          'Give limit=1 to 100, cursor as the last page told it, status=done or failed, person=ID.',
        );
      const { limit, cursor: before, status, person } = asked.output;
      const fits = (result: Result) =>
        (status === undefined || result.status === status) && (person === undefined || names(result, person));
      const oldest = deps.now() - deps.options.resultDays * DAY;
      const { results, next } = await pageOf(deps.output, { limit, before, fits }, deps.now(), oldest);
      const body = { results, ...(next !== undefined && { next }) };
      if (next === undefined) return Response.json(body);
      const query = new URLSearchParams({ ...c.req.query(), cursor: next });
      return Response.json(body, { headers: { link: `</results?${query}>; rel="next"` } });
    },
  };
}

function names(result: Result, person: string): boolean {
  if (result.status === 'failed') return false;
  return 'person' in result ? result.person === person : result.faces.some(face => face.person === person);
}

/** Waits for the result of a request whose photo is there. */
async function later(deps: Deps, request: Request, id: string, seconds: number) {
  const [photo] = await deps.input.list(`${id}/`, { limit: 1 });
  if (photo) return hold(deps, request, { id, file: photo.key.slice(id.length + 1) }, seconds);
  const { resultDays } = deps.options;
  if (id[14] === '7' && timeOf(id) < deps.now() - resultDays * DAY)
    throw new Problem('expired', `Results are kept for ${resultDays} days. Send the photo again.`);
  throw unknown();
}

function unknown(): Problem {
  return new Problem('unknown-result', 'Use the id, or the address, that the upload was answered with.');
}
