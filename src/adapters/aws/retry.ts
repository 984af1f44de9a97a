import { type SetTimer, setTimer, sleep } from '../../runtime/time.ts';

export interface RetryOptions {
  /** How often something is tried in all. */
  readonly tries?: number;
  /** The first pause is a random part of this, ms; each further one of twice as much. */
  readonly firstPauseMs?: number;
  readonly timer?: SetTimer;
  /** 0 to 1; spreads the pauses of many callers. */
  readonly random?: () => number;
}

/** Pauses between the tries of one thing, growing and jittered, and an end to them. */
export class Retries {
  readonly #tries: number;
  readonly #firstPauseMs: number;
  readonly #timer: SetTimer;
  readonly #random: () => number;
  #failed = 0;

  constructor({ tries = 4, firstPauseMs = 100, timer = setTimer, random = Math.random }: RetryOptions = {}) {
    this.#tries = tries;
    this.#firstPauseMs = firstPauseMs;
    this.#timer = timer;
    this.#random = random;
  }

  /** Waits for the next try; false, at once, when there is none. */
  async again(): Promise<boolean> {
    this.#failed++;
    if (this.#failed >= this.#tries) return false;
    await sleep(this.#random() * this.#firstPauseMs * 2 ** (this.#failed - 1), undefined, this.#timer);
    return true;
  }
}
