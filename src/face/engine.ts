import type { Reply, Task } from './engine-thread.ts';
import { decode, type Limits, type Photo } from './image.ts';
import type { Models } from './manifest.ts';
import type { Found } from './recognise.ts';

/** Decodes on libuv's threads, recognises on a thread of its own: the caller's event loop stays free. */
export interface Engine {
  /** @throws Permanent as `decode` of image.ts */
  decode(bytes: Uint8Array): Promise<Photo>;
  /** Takes the photo's pixels over: it cannot be used again. Calls are served in their order. */
  find(photo: Photo): Promise<Found>;
  /** After the calls that are under way; the process can exit then. */
  close(): Promise<void>;
  /** Resolves when the thread has died: nothing works any more, and the process must be replaced. */
  readonly failed: Promise<Error>;
}

/** 50 megapixels are read; faces are found in 1,280 px as well as in more, at a third of the memory. */
export const DEFAULT_LIMITS = { pixels: 50_000_000, side: 1280 } as const;

interface Pending {
  resolve(found: Found | undefined): void;
  reject(error: Error): void;
}

/**
 * Starts the engine: one a process, because ONNX Runtime crashes with several threads, or with another after the first has ended.
 * @throws Error when a model cannot be loaded or is not what the manifest says
 */
export async function createEngine(
  models: Models,
  limits: Pick<Limits, 'pixels' | 'side'> = DEFAULT_LIMITS,
): Promise<Engine> {
  const [, , height, width] = models.manifest.detect.input.shape;
  const decodeLimits: Limits = { ...limits, detector: { width, height } };
  const worker = new Worker(new URL('./engine-thread.ts', import.meta.url));
  const pending = new Map<number, Pending>();
  const failed = Promise.withResolvers<Error>();
  let nextId = 0;
  let ended: Error | undefined;

  const end = (error: Error) => {
    if (ended !== undefined) return;
    ended = error;
    for (const call of pending.values()) call.reject(error);
    pending.clear();
  };
  const fail = (error: Error) => {
    if (ended !== undefined) return;
    end(error);
    failed.resolve(error);
  };
  worker.onmessage = ({ data }: MessageEvent<Reply>) => {
    const call = pending.get(data.id);
    pending.delete(data.id);
    if ('error' in data) call?.reject(new Error(data.error));
    else call?.resolve(data.found);
  };
  worker.onmessageerror = () => fail(new Error('the engine thread sent something unreadable'));
  worker.onerror = ({ message }) => fail(new Error(`the engine thread died: ${message}`));
  worker.addEventListener('close', ({ code }) =>
    fail(new Error(`the engine thread ended with code ${code}`)),
  );

  const ask = (task: Task, transfer: ArrayBuffer[] = []): Promise<Found | undefined> => {
    if (ended !== undefined) return Promise.reject(ended);
    const { promise, resolve, reject } = Promise.withResolvers<Found | undefined>();
    const id = nextId++;
    worker.postMessage({ ...task, id }, transfer);
    pending.set(id, { resolve, reject });
    return promise;
  };
  const stop = async () => {
    end(new Error('the engine is closed'));
    worker.terminate();
  };

  try {
    await ask({ open: models });
  } catch (error) {
    await stop();
    throw error;
  }
  let decoding: Promise<unknown> = Promise.resolve();
  return {
    // One at a time: two at once need 50 MiB more at their peak for 12-megapixel photos.
    decode(bytes) {
      const photo = decoding.then(() => decode(bytes, decodeLimits));
      decoding = photo.catch(() => {});
      return photo;
    },
    async find(photo) {
      const found = await ask({ find: photo }, [photo.pixels.buffer, photo.detectorInput.pixels.buffer]);
      if (found === undefined) throw new Error('the engine thread gave no answer');
      return found;
    },
    async close() {
      await ask({ close: true });
      await stop();
    },
    failed: failed.promise,
  };
}
