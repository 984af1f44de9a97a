import { encodeMessage, inputKey, type Request as PhotoRequest } from '../core/messages.ts';
import type { Blobs, Log, Queue } from '../ports.ts';
import type { Upload } from './upload.ts';

export interface SubmitDeps {
  readonly requests: Queue;
  readonly input: Blobs;
  readonly log: Log;
}

/**
 * The durable way of one upload. Once resolved, neither the photo nor the request can be lost. When it rejects, nothing
 * was accepted and the photo is deleted again; should the message have been sent all the same, unknown to us, then a
 * worker answers it with `photo-missing`, which nobody waits for.
 */
export async function submit(deps: SubmitDeps, request: PhotoRequest, upload: Upload): Promise<void> {
  const key = inputKey(request);
  try {
    await deps.input.put(key, upload.photo, { contentType: upload.contentType });
    await deps.requests.send(encodeMessage(request));
  } catch (error) {
    await deps.input.delete(key).catch(() => deps.log.warn('photo-left-behind', { id: request.id }));
    throw error;
  }
  deps.log.info('queued', { id: request.id, kind: request.kind, bytes: upload.photo.length });
}
