import { messageOf } from '../core/errors.ts';
import type { Photo } from './image.ts';
import type { Models } from './manifest.ts';
import { type Found, openRecogniser, type Recogniser } from './recognise.ts';

/** What `engine.ts` asks of this thread: first `open`, then any number of `find`, last `close`. */
export type Task = { readonly open: Models } | { readonly find: Photo } | { readonly close: true };
export type Request = Task & { readonly id: number };

/** One for each request, in their order. `find` is answered with `found`. */
export type Reply =
  | { readonly id: number; readonly found: Found | undefined }
  | { readonly id: number; readonly error: string };

declare const self: Worker;

let recogniser: Promise<Recogniser> | undefined;
let last: Promise<void> = Promise.resolve();

// Messages that arrive before this is set are lost, hence no top-level await before it.
self.onmessage = ({ data }: MessageEvent<Request>) => {
  // One at a time: the models' tensors are shared by all runs.
  last = last.then(() => answer(data)).then(reply => self.postMessage(reply));
};

async function answer(request: Request): Promise<Reply> {
  const { id } = request;
  try {
    return { id, found: await perform(request) };
  } catch (error) {
    return { id, error: messageOf(error) };
  }
}

async function perform(task: Task): Promise<Found | undefined> {
  if ('open' in task) {
    recogniser = openRecogniser(task.open);
    await recogniser;
    // The runtime has its own copy of the models.
    Bun.gc(true);
    return undefined;
  }
  if ('close' in task) {
    await (await recogniser)?.close();
    return undefined;
  }
  if (recogniser === undefined) throw new Error('the engine has not been opened');
  return (await recogniser).find(task.find);
}
