import { Problem } from './problem.ts';

/** What one request may count against the memory that uploads share. */
export interface Claim {
  /** So many more bytes are in memory. Throws a 503 problem when all uploads together hold too many. */
  add(bytes: number): void;
  /** They are no longer. */
  end(): void;
}

/** Bounds the memory of all uploads together; clients that send slowly hold no more than they have sent. */
export class UploadMemory {
  readonly #limit: number;
  #held = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  claim(): Claim {
    let own = 0;
    return {
      add: bytes => {
        if (this.#held + bytes > this.#limit)
          throw new Problem('busy', 'Too many uploads at once. Send this one again in a moment.', {
            headers: { 'retry-after': '1' },
          });
        own += bytes;
        this.#held += bytes;
      },
      end: () => {
        this.#held -= own;
        own = 0;
      },
    };
  }
}
