import type { Context } from 'hono';
import * as v from 'valibot';
import { readBody } from '../body.ts';
import type { Env, Routes } from '../deps.ts';
import { Problem } from '../problem.ts';
import type { Access } from './access.ts';
import { type Caller, callerOf, invalidKey, SESSION_COOKIE, tokenOf } from './caller.ts';
import { loginPage, loginPolicy } from './loginPage.ts';

const MAX_BODY = 4_096;
const SESSION_SECONDS = 12 * 3_600;

export const SessionBodySchema = v.object({ key: v.pipe(v.string(), v.minLength(1)) });

/** Sessions: a browser gives a key once, and has a cookie from then on that no script can read. */
export function sessionRoutes({ keyring, open }: Access, now: () => number): Routes {
  return {
    '/session': {
      GET: async c => shown(await callerOf(c.req.raw, keyring, open)),
      POST: async c => {
        const { key: token, form } = await givenKey(c.req.raw);
        const key = await keyring.find(token.trim());
        if (!key || key.parent !== undefined) {
          if (form) return c.html(loginPage('This key is not valid, or no longer.'), 401, loginPolicy);
          throw invalidKey();
        }
        const { id, name, scopes } = key;
        const expiresAt = Math.min(
          now() + SESSION_SECONDS * 1_000,
          key.expiresAt ?? Number.POSITIVE_INFINITY,
        );
        const session = await keyring.create({ name, scopes, parent: id, expiresAt });
        const seconds = Math.floor((expiresAt - now()) / 1_000);
        const headers = { 'set-cookie': cookie(c, session.token, seconds) };
        if (form) return new Response(null, { status: 303, headers: { ...headers, location: '/' } });
        return shown({ via: 'session', id, name, scopes }, { status: 201, headers });
      },
      DELETE: async c => {
        const given = tokenOf(c.req.raw);
        const session = given?.via === 'session' ? await keyring.find(given.token) : undefined;
        if (session) await keyring.revoke(session.id);
        return new Response(null, { status: 204, headers: { 'set-cookie': cookie(c, '', 0) } });
      },
    },
    '/login': { GET: c => c.html(loginPage(), 200, loginPolicy) },
  };
}

function shown({ via, id, name, scopes }: Caller, init?: ResponseInit): Response {
  return Response.json(
    via === 'open' ? { access: 'open' } : { access: via, key: { id, name, scopes } },
    init,
  );
}

function cookie(c: Context<Env>, token: string, seconds: number): string {
  const { protocol } = new URL(c.req.url);
  const isSecure = protocol === 'https:' || c.req.header('x-forwarded-proto') === 'https';
  const secure = isSecure ? '; Secure' : '';
  return `${SESSION_COOKIE}=${token}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
}

/** From JSON, or from the form of the login page. */
async function givenKey(request: Request): Promise<{ key: string; form: boolean }> {
  const form = /^application\/x-www-form-urlencoded/i.test(request.headers.get('content-type') ?? '');
  const text = new TextDecoder().decode(await readBody(request, MAX_BODY));
  if (form) return { key: new URLSearchParams(text).get('key') ?? '', form };
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), SessionBodySchema), text);
  if (!parsed.success) throw new Problem('invalid-json', 'Send {"key": "facerec_…"}.');
  return { key: parsed.output.key, form };
}
