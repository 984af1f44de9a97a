import type { Host } from '../../ports.ts';

/** A worker that is a child process: whoever started it stops it with a signal, or by going away. */
export class LocalHost implements Host {
  readonly id: string;
  readonly #lifeline: AbortSignal | undefined;

  /** `lifeline` is aborted when the parent process is gone. */
  constructor(id: string, lifeline?: AbortSignal) {
    this.id = id;
    this.#lifeline = lifeline;
  }

  async drainRequested(): Promise<string | undefined> {
    return this.#lifeline?.aborted ? 'parent process is gone' : undefined;
  }

  /** The machine belongs to others too: it stays on. */
  async leave(): Promise<void> {}
}
