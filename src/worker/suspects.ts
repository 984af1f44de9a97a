import { messageOf } from '../core/errors.ts';
import type { Blobs, Log, Message } from '../ports.ts';

const MARKS = 'trying/';
const key = (message: Message) => MARKS + message.id;

/**
 * Messages that were received before: one of them may have killed the worker that held it, and all others in its hands
 * were given back together with it. So each is tried alone, under a mark in the store; the mark that a dead worker left
 * behind tells which one it was, and that one is tried last. Innocent messages lose two receives to it, not all.
 */
export class Suspects {
  readonly #output: Blobs;
  readonly #log: Log;

  constructor(output: Blobs, log: Log) {
    this.#output = output;
    this.#log = log;
  }

  /** Those that no worker died with while they were tried alone come first. */
  async inOrder(messages: readonly Message[]): Promise<Message[]> {
    const marked = await Promise.all(messages.map(message => this.#isMarked(message)));
    return [...messages.filter((_, i) => !marked[i]), ...messages.filter((_, i) => marked[i])];
  }

  /** Handles one message under its mark. Never rejects for the mark's sake. */
  async alone(message: Message, handle: (message: Message) => Promise<void>): Promise<void> {
    await this.#quietly(() => this.#output.put(key(message), new Uint8Array()));
    await handle(message);
    await this.#quietly(() => this.#output.delete(key(message)));
  }

  async #isMarked(message: Message): Promise<boolean> {
    const mark = await this.#quietly(() => this.#output.get(key(message)));
    if (mark) this.#log.warn('suspect-tried-last', { message: message.id, receives: message.receiveCount });
    return mark !== undefined;
  }

  async #quietly<T>(call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      this.#log.warn('suspect-mark-error', { error: messageOf(error) });
      return undefined;
    }
  }
}
