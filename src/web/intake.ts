import type { Request as PhotoRequest } from '../core/messages.ts';
import type { Deps } from './deps.ts';
import { submit } from './submit.ts';
import { readUpload, type Upload } from './upload.ts';

/** Reads the upload and makes it durable, as the request that `describe` makes of it; the photo is forgotten then. */
export async function takeIn<R extends PhotoRequest>(
  deps: Deps,
  request: Request,
  describe: (upload: Upload) => R,
): Promise<R> {
  const claim = deps.memory.claim();
  try {
    const upload = await readUpload(request, deps.options.maxUploadBytes, claim);
    const photo = describe(upload);
    await submit(deps, photo, upload);
    return photo;
  } finally {
    claim.end();
  }
}
