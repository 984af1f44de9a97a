import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { timeOf } from '../core/messages.ts';
import type { Blobs } from '../ports.ts';
import { urlProblem } from '../webhooks/address.ts';
import { eventTypes, type Hook, HookIdSchema, hooksDocument, SecretSchema } from '../webhooks/hooks.ts';
import { enqueue, outboxPrefix } from '../webhooks/outbox.ts';
import { readJson } from './body.ts';
import type { Deps, Handler, Routes } from './deps.ts';
import { resultIdsSince } from './listing.ts';
import { Problem } from './problem.ts';

const MAX_HOOKS = 20;
const MAX_REPLAYED = 10_000;
const HOW_TO = `Send {"url": "https://…", "events": […], "secret": "whsec_…"}; events are ${eventTypes.join(', ')}.`;

export const WebhookBodySchema = v.strictObject({
  url: v.string(),
  /** All of them by default. */
  events: v.optional(v.pipe(v.array(v.picklist(eventTypes)), v.minLength(1))),
  /** Made here by default; a known webhook keeps its own. */
  secret: v.optional(SecretSchema),
});

/** Webhooks: who is told of results, and being told again. */
export function webhookRoutes(deps: Deps, gallery: Blobs): Routes {
  const { output, now } = deps;
  const document = hooksDocument(gallery);

  const put: Handler = async c => {
    const id = c.req.param('id') ?? '';
    if (!v.is(HookIdSchema, id))
      throw new Problem('invalid-webhook', 'The id is 1 to 32 letters a to z, digits and hyphens.');
    const { url, events = eventTypes, secret } = await readJson(c.req.raw, WebhookBodySchema, HOW_TO);
    const problem = urlProblem(url, deps.options.webhooksToPrivate ?? false);
    if (problem !== undefined) throw new Problem('invalid-webhook', `The URL ${problem}.`);
    const fresh = `whsec_${randomBytes(32).toString('base64')}`;
    let before: Hook | undefined;
    const { hooks } = await document.change(({ v, hooks }) => {
      before = hooks.find(hook => hook.id === id);
      if (!before && hooks.length >= MAX_HOOKS)
        throw new Problem('invalid-webhook', `There are ${MAX_HOOKS} already. Delete one.`);
      const createdAt = before?.createdAt ?? now();
      const hook: Hook = { id, url, events, secret: secret ?? before?.secret ?? fresh, createdAt };
      return { v, hooks: [...hooks.filter(other => other.id !== id), hook] };
    });
    const hook = hooks.find(candidate => candidate.id === id)!;
    const headers = before ? {} : { location: `/webhooks/${id}` };
    return Response.json({ ...shown(hook), secret: hook.secret }, { status: before ? 200 : 201, headers });
  };

  const existing = async (id = ''): Promise<Hook> => {
    const hook = (await document.read()).hooks.find(candidate => candidate.id === id);
    if (hook) return hook;
    throw new Problem('unknown-webhook', 'GET /webhooks lists them; PUT /webhooks/:id adds one.');
  };

  return {
    '/webhooks': {
      GET: async () => Response.json({ webhooks: (await document.read()).hooks.map(shown) }),
    },
    '/webhooks/:id': {
      GET: async c => Response.json(shown(await existing(c.req.param('id')))),
      PUT: put,
      DELETE: async c => {
        const { id } = await existing(c.req.param('id'));
        await document.change(({ v, hooks }) => ({ v, hooks: hooks.filter(hook => hook.id !== id) }));
        for (const { key } of await output.list(outboxPrefix(id))) await output.delete(key);
        return new Response(null, { status: 204 });
      },
    },
    '/webhooks/:id/replay': {
      POST: async c => {
        const { id } = await existing(c.req.param('id'));
        const since = sinceOf(c.req.query('since'));
        const ids: string[] = [];
        for await (const result of resultIdsSince(output, since)) {
          ids.push(result);
          if (ids.length > MAX_REPLAYED)
            throw new Problem('invalid-page', `There are more than ${MAX_REPLAYED} results since then.`);
        }
        for (const result of ids) await enqueue(output, id, result, now());
        return Response.json({ queued: ids.length }, { status: 202 });
      },
    },
  };
}

/** Without the secret. */
function shown({ id, url, events, createdAt }: Hook) {
  return { id, url, events, createdAt: new Date(createdAt).toISOString() };
}

/** ms since the epoch, of a time (RFC 3339) or the id of a request. */
function sinceOf(text = ''): number {
  const since = v.is(v.pipe(v.string(), v.uuid()), text)
    ? timeOf(text)
    : v.is(Timestamp, text)
      ? Date.parse(text)
      : Number.NaN;
  if (since >= 0) return since;
  throw new Problem('invalid-page', 'Give since=TIME, such as 2026-05-01T00:00:00Z, or the id of a request.');
}

const Timestamp = v.pipe(v.string(), v.isoTimestamp());
