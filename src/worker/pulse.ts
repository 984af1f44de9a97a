import { messageOf } from '../core/errors.ts';
import type { Engine } from '../face/engine.ts';
import type { Queue } from '../ports.ts';
import type { Signs } from '../runtime/life.ts';
import { Progress } from '../runtime/progress.ts';

/** Calls of queues and stores may fail slowly: five tries of 15 s each, and the pauses between. */
const CALLS_MS = 120_000;

export interface PulseOptions {
  readonly pollSeconds: number;
  readonly processed: () => number;
  readonly draining: () => boolean;
  /** ms of a clock that only goes forward. */
  readonly now?: () => number;
}

/** Watches a worker's engine, poll and photos from outside, and tells whether they get on. */
export class WorkerPulse implements Signs {
  readonly #options: PulseOptions;
  readonly #decoder: Progress;
  readonly #engine: Progress;
  readonly #polls: Progress;
  readonly #photos: Progress;
  #queueError: string | undefined;

  constructor(options: PulseOptions) {
    this.#options = options;
    this.#decoder = new Progress(options.now);
    this.#engine = new Progress(options.now);
    this.#polls = new Progress(options.now);
    this.#photos = new Progress(options.now);
  }

  engine(engine: Engine): Engine {
    return {
      decode: bytes => this.#decoder.of(() => engine.decode(bytes)),
      find: photo => this.#engine.of(() => engine.find(photo)),
      close: () => engine.close(),
      failed: engine.failed,
    };
  }

  /** @param polling called at each poll */
  queue(queue: Queue, polling: () => void): Queue {
    return {
      send: body => queue.send(body),
      receive: options => {
        const messages = this.#polls.of(() => queue.receive(options));
        polling();
        messages.then(
          () => (this.#queueError = undefined),
          error => (this.#queueError = messageOf(error)),
        );
        return messages;
      },
      extend: (receipt, seconds) => queue.extend(receipt, seconds),
      release: receipt => queue.release(receipt),
      delete: receipt => queue.delete(receipt),
      depth: () => queue.depth(),
    };
  }

  photo<T>(work: () => Promise<T>): Promise<T> {
    return this.#photos.of(work);
  }

  status(): string {
    const { processed, draining } = this.#options;
    const { underWay } = this.#photos;
    const inHand = `${underWay} ${underWay === 1 ? 'photo' : 'photos'}`;
    const doing = draining() ? `draining, ${inHand} left` : underWay > 0 ? `naming ${inHand}` : 'idle';
    const queue = this.#queueError === undefined ? '' : `, queue unavailable: ${this.#queueError}`;
    return `${doing}, ${processed()} done${queue}`;
  }

  stuck(patienceMs: number): string | undefined {
    const { pollSeconds, draining } = this.#options;
    const over = (what: string, ms: number, allowedMs: number) =>
      ms > allowedMs + patienceMs ? `${what} for ${Math.round(ms / 1000)} s` : undefined;
    const turning =
      draining() || this.#photos.underWay > 0
        ? undefined
        : over('nothing has been asked of the queue', this.#polls.restMs, CALLS_MS);
    return (
      over('the engine has not answered', this.#engine.stillMs, 0) ??
      over('no photo has been decoded', this.#decoder.stillMs, 0) ??
      over('the queue has not answered', this.#polls.stillMs, pollSeconds * 1000 + CALLS_MS) ??
      over('no photo has got on', this.#photos.stillMs, CALLS_MS) ??
      turning
    );
  }
}
