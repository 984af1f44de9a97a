import type { Context } from 'hono';
import { type Request as PhotoRequest, resultKey } from '../core/messages.ts';
import type { Deps, Env } from './deps.ts';
import { idFor } from './idempotency.ts';
import { submit } from './submit.ts';
import { readUpload, type Upload } from './upload.ts';

/**
 * Reads the upload and makes it durable, as the request that `describe` makes of it; the photo is forgotten then. With an
 * `Idempotency-Key`, what is the same gets the same id.
 */
export async function takeIn<R extends PhotoRequest>(
  deps: Deps,
  c: Context<Env>,
  describe: (id: string, upload: Upload) => R,
  read: typeof readUpload = readUpload,
): Promise<R> {
  const claim = deps.memory.claim();
  try {
    const upload = await read(c.req.raw, deps.options.maxUploadBytes, claim);
    const key = c.req.header('idempotency-key');
    const content = [JSON.stringify(describe('', upload)), upload.photo];
    const { newId, now } = deps;
    const { id, repeated } = await idFor(deps.output, { key, scope: scopeOf(c), content, newId, now });
    const photo = { ...describe(id, upload), trace: c.get('trace') };
    if (!repeated || !(await deps.output.get(resultKey(photo))))
      await submit(deps, photo, upload, key !== undefined);
    return photo;
  } finally {
    claim.end();
  }
}

/** Whose keys these are: the same one of another caller, or for another address, is another one. */
export function scopeOf(c: Context<Env>): string {
  return `${c.get('caller')?.id ?? ''} ${c.req.method} ${c.req.path}`;
}
