import { type Accepted, acceptedKey, isToBeTold, TELL_SECONDS } from '../core/accepted.ts';
import { messageOf } from '../core/errors.ts';
import { jsonBytes } from '../core/json.ts';
import type { Blobs, Log, Queue } from '../ports.ts';
import { every, within } from '../runtime/time.ts';

export interface TellerOptions {
  readonly output: Blobs;
  /** The fleet's name. */
  readonly fleet: string;
  readonly log: Log;
  /** ms since the epoch. */
  readonly now?: () => number;
  /** ms of a clock that only goes forward. */
  readonly monotonic?: () => number;
}

/** Each call may take that long, ms. */
const PATIENCE_MS = 2_000;

/** Tells the controller how many photos have been put into the queue, so that it need not wait for the queue's late counts. */
export class Teller {
  readonly #options: TellerOptions;
  readonly #now: () => number;
  readonly #monotonic: () => number;
  readonly #startedAt: number;
  #count = 0;
  #told = 0;
  #toldAt: number;
  #failing = false;
  /** Under which it tells; before `run` it does not. */
  #key: string | undefined;
  #telling: Promise<void> | undefined;

  constructor(options: TellerOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#startedAt = this.#now();
    this.#monotonic = options.monotonic ?? (() => performance.now());
    this.#toldAt = this.#monotonic();
  }

  /** The same queue; what is sent into it is counted. */
  counting(queue: Queue): Queue {
    return {
      send: async body => {
        await queue.send(body);
        this.#count++;
        void this.#tellWhatIsDue();
      },
      receive: options => queue.receive(options),
      extend: (receipt, seconds) => queue.extend(receipt, seconds),
      release: receipt => queue.release(receipt),
      delete: receipt => queue.delete(receipt),
      depth: () => queue.depth(),
    };
  }

  /**
   * Tells until the signal aborts, then takes back what it told. Never rejects: without it the queue is counted.
   *
   * @param id of this web server, the same when it starts again
   */
  async run(id: string, signal: AbortSignal): Promise<void> {
    const { output, fleet, log } = this.#options;
    const key = acceptedKey(fleet, id);
    await this.#tell(key);
    this.#key = key;
    await every(TELL_SECONDS * 1000, signal, () => this.#tellWhatIsDue());
    this.#key = undefined;
    await this.#telling;
    await within(PATIENCE_MS, () => output.delete(key)).catch(error =>
      log.warn('accepted-error', { error: messageOf(error) }),
    );
  }

  async #tellWhatIsDue(): Promise<void> {
    const key = this.#key;
    const seconds = (this.#monotonic() - this.#toldAt) / 1000;
    if (key === undefined || !isToBeTold(this.#count - this.#told, seconds)) return;
    this.#telling ??= this.#tell(key).finally(() => {
      this.#telling = undefined;
    });
    await this.#telling;
  }

  async #tell(key: string): Promise<void> {
    const { output, log } = this.#options;
    const count = this.#count;
    const at = this.#now();
    const accepted: Accepted = { v: 1, at, startedAt: this.#startedAt, count };
    this.#toldAt = this.#monotonic();
    try {
      await within(PATIENCE_MS, signal =>
        output.put(key, jsonBytes(accepted), { contentType: 'application/json', signal }),
      );
      this.#told = count;
      this.#failing = false;
    } catch (error) {
      const advice = 'the controller goes by the queue’s own counts, which are later';
      if (!this.#failing) log.warn('accepted-error', { error: messageOf(error), advice });
      this.#failing = true;
    }
  }
}
