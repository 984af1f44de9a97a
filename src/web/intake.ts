import type { Context } from 'hono';
import type { Request as PhotoRequest } from '../core/messages.ts';
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
  describe: (upload: Upload) => Omit<R, 'id' | 'v' | 'file'>,
): Promise<R> {
  const request = c.req.raw;
  const claim = deps.memory.claim();
  try {
    const upload = await readUpload(request, deps.options.maxUploadBytes, claim);
    const described = describe(upload);
    const id = await idFor(deps.output, {
      key: c.req.header('idempotency-key'),
      scope: scopeOf(c),
      content: [JSON.stringify(described), upload.file, upload.photo],
      newId: deps.newId,
      now: deps.now,
    });
    // What `describe` leaves out of R is here.
    const photo = { v: 1, ...described, id, file: upload.file } as unknown as R;
    await submit(deps, photo, upload);
    return photo;
  } finally {
    claim.end();
  }
}

/** Whose keys these are: the same one of another caller, or for another address, is another one. */
export function scopeOf(c: Context<Env>): string {
  return `${c.get('caller')?.id ?? ''} ${c.req.method} ${c.req.path}`;
}
