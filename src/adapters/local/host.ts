import type { Host } from '../../ports.ts';

/** A worker that is a child process: whoever started it stops it with a signal, or by going away (see `shutdown.ts`). */
export class LocalHost implements Host {
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }

  async drainRequested(): Promise<string | undefined> {
    return undefined;
  }

  /** The machine belongs to others too: it stays on. */
  async leave(): Promise<void> {}
}
