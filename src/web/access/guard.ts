import type { MiddlewareHandler } from 'hono';
import { preferred } from '../accept.ts';
import type { Env } from '../deps.ts';
import { Problem } from '../problem.ts';
import type { Access } from './access.ts';
import { callerOf } from './caller.ts';
import { neededFor } from './scopes.ts';

/** Lets those through who may use the route, before anything of the body is read. */
export function guard(
  { keyring, open, limiter }: Access,
  method: string,
  route: string,
): MiddlewareHandler<Env> {
  const needed = neededFor(method, route);
  return async (c, next) => {
    if (needed.length === 0) return next();
    const caller = await callerOf(c.req.raw, keyring, open);
    c.set('caller', caller);
    if (caller.via === 'open') return next();
    if (!caller.scopes.some(scope => scope === 'admin' || needed.includes(scope)))
      throw new Problem('forbidden', `This needs a key with the scope ${needed.join(' or ')}.`, {
        headers: {
          'www-authenticate': `Bearer realm="facerec", error="insufficient_scope", scope="${needed.join(' ')}"`,
        },
        extra: { needed },
      });
    if (limiter.perMinute === 0) return next();
    const { allowed, remaining, resetSeconds } = limiter.take(caller.id);
    const headers = {
      'ratelimit-policy': `"key";q=${limiter.perMinute};w=60`,
      ratelimit: `"key";r=${remaining};t=${resetSeconds}`,
    };
    if (!allowed)
      throw new Problem('too-many-requests', `Send the next one in ${resetSeconds} seconds.`, {
        headers: { ...headers, 'retry-after': String(resetSeconds) },
      });
    await next();
    for (const [name, value] of Object.entries(headers)) c.header(name, value);
  };
}

/** Browsers that need a key are led to where they can give it. */
export function leadToLogin({ keyring, open }: Access): MiddlewareHandler<Env> {
  return async (c, next) => {
    const wantsPage = preferred(c.req.header('accept') ?? null, ['application/json', 'text/html']);
    if (wantsPage !== 'text/html') return next();
    try {
      c.set('caller', await callerOf(c.req.raw, keyring, open));
    } catch (error) {
      if (error instanceof Problem && error.slug === 'unauthorized') return c.redirect('/login', 303);
      throw error;
    }
    return next();
  };
}
