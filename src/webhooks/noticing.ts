import type { Blobs } from '../ports.ts';
import { type Hook, hooksDocument } from './hooks.ts';
import { enqueue } from './outbox.ts';

/** A webhook that was registered on another server is told of everything after that time, ms. */
const FRESH_MS = 5_000;

/** Notes for each webhook that a result is there; the controller delivers. */
export class Noticing {
  readonly #document: ReturnType<typeof hooksDocument>;
  readonly #output: Blobs;
  readonly #now: () => number;
  #hooks: Promise<readonly Hook[]> | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor({ gallery, output, now = Date.now }: { gallery: Blobs; output: Blobs; now?: () => number }) {
    this.#document = hooksDocument(gallery);
    this.#output = output;
    this.#now = now;
  }

  /** Rejects when it could not be noted: the completion is to be dealt with again. */
  async completed(id: string): Promise<void> {
    const hooks = await this.#current();
    await Promise.all(hooks.map(hook => enqueue(this.#output, hook.id, id, this.#now())));
  }

  #current(): Promise<readonly Hook[]> {
    const now = performance.now();
    if (this.#hooks && now - this.#readAt < FRESH_MS) return this.#hooks;
    this.#readAt = now;
    const reading = this.#document.read().then(({ hooks }) => hooks);
    reading.catch(() => {
      this.#hooks = undefined;
    });
    this.#hooks = reading;
    return reading;
  }
}
