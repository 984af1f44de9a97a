import { mayBeDone } from '../core/errors.ts';
import { encodeMessage, inputKey, type Request as PhotoRequest } from '../core/messages.ts';
import { traceIdOf } from '../core/trace.ts';
import type { Blobs, Log, Queue } from '../ports.ts';
import { type SetTimer, within } from '../runtime/time.ts';
import type { WebMetrics } from './metrics.ts';
import type { Upload } from './upload.ts';

export interface SubmitDeps {
  readonly requests: Queue;
  readonly input: Blobs;
  readonly log: Log;
  readonly metrics?: Pick<WebMetrics, 'uploaded'>;
  readonly setTimer?: SetTimer;
}

/** The client is told by then, ms; a photo has another millisecond for each so many bytes. */
const ANSWER_MS = 12_000;
const BYTES_PER_MS = 1_000;
const DELETION_MS = 2_000;

/**
 * The durable way of one upload. Once resolved, neither the photo nor the request can be lost. When it rejects, nothing
 * was promised. The photo is deleted again where the request was certainly not sent; where that is unknown it stays, for
 * a worker may answer the request, which nobody waits for, and expires with the others.
 * @param shared whether others may submit the same under the same id: then the photo stays, as theirs may be accepted
 */
export async function submit(
  deps: SubmitDeps,
  request: PhotoRequest,
  upload: Pick<Upload, 'photo' | 'contentType'>,
  shared = false,
): Promise<void> {
  const { input, requests, log, metrics, setTimer } = deps;
  const begun = performance.now();
  const { photo, contentType } = upload;
  const key = inputKey(request);
  let sending = false;
  const store = async (signal: AbortSignal) => {
    await input.put(key, photo, { contentType, signal });
    signal.throwIfAborted();
    sending = true;
    await requests.send(encodeMessage(request));
  };
  try {
    await within(ANSWER_MS + photo.length / BYTES_PER_MS, store, setTimer);
  } catch (error) {
    const inDoubt = sending && mayBeDone(error);
    const leave = () => log.warn('photo-left-behind', { id: request.id, inDoubt });
    if (inDoubt) leave();
    else if (!shared) await within(DELETION_MS, () => input.delete(key), setTimer).catch(leave);
    throw error;
  }
  metrics?.uploaded(photo.length, performance.now() - begun);
  const trace = request.trace === undefined ? {} : { trace: traceIdOf(request.trace) };
  log.info('queued', { id: request.id, ...trace, kind: request.kind, bytes: photo.length });
}
