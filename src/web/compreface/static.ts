import type { MiddlewareHandler } from 'hono';
import type { Env } from '../deps.ts';

/** Pictures by address alone, for `<img>`: the key is a part of it. */
export const STATIC = '/api/v1/static/:key/images/:image';

/** The key as a client that can set headers would have sent it. */
export const keyOfPath: MiddlewareHandler<Env> = (c, next) => {
  const headers = new Headers(c.req.raw.headers);
  headers.delete('authorization');
  headers.delete('cookie');
  headers.set('x-api-key', c.req.param('key') ?? '');
  c.req.raw = new Request(c.req.raw, { headers });
  return next();
};
