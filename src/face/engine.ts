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

/** Where the thread's code is: inside the executable, or beside this file. */
const threadFile = () =>
  Bun.main.startsWith('/$bunfs/')
    ? '/$bunfs/root/face/engine-thread.js'
    : new URL('./engine-thread.ts', import.meta.url);

/**
 * Starts the engine, which takes the models' files over: they cannot be used again. One a process, because ONNX Runtime is
 * reported to crash when several threads use it, or another after the first has ended (microsoft/onnxruntime #24486, #20084).
 * @throws Error when a model cannot be loaded or is not what the manifest says
 */
export async function createEngine(
  models: Models,
  limits: Pick<Limits, 'pixels' | 'side'> = DEFAULT_LIMITS,
  startThread = () => new Worker(threadFile()),
): Promise<Engine> {
  const [, , height, width] = models.manifest.detect.input.shape;
  const decodeLimits: Limits = { ...limits, detector: { width, height } };
  const worker = startThread();
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
  const stop = () => {
    end(new Error('the engine is closed'));
    worker.terminate();
  };

  try {
    const { detect, landmark, embed } = models.files;
    await ask(
      { open: models },
      [detect, landmark, embed].map(file => file.buffer),
    );
  } catch (error) {
    stop();
    throw error;
  }
  let decoding: Promise<unknown> = Promise.resolve();
  let closing: Promise<void> | undefined;
  return {
    // One at a time: two 12-megapixel photos at once need 25 to 90 MiB more at their peak.
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
    close() {
      closing ??= (ended === undefined ? ask({ close: true }) : Promise.resolve()).then(stop);
      return closing;
    },
    failed: failed.promise,
  };
}
