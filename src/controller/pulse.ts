import { messageOf } from '../core/errors.ts';
import type { Decision, Snapshot } from '../core/scaling/types.ts';
import type { Life, Signs } from '../runtime/life.ts';
import { Progress } from '../runtime/progress.ts';

/** One round may ask for several launches, each of which is tried in several places. */
const ROUND_MS = 300_000;
/** The longest pause after a round that failed, and slow answers to who may act. */
const PAUSE_MS = 120_000;

/** Watches a controller from outside, and tells whether it gets on. Says that it is ready as soon as it knows its part. */
export class ControllerPulse implements Signs {
  readonly #life: Life;
  readonly #now: () => number;
  readonly #rounds: Progress;
  #answeredAt: number;
  #acting = false;
  #status = 'starting';

  /** @param now ms of a clock that only goes forward */
  constructor(life: Life, now = () => performance.now()) {
    this.#life = life;
    this.#now = now;
    this.#rounds = new Progress(now);
    this.#answeredAt = now();
  }

  /** Whether this controller is the one that acts. */
  part(acting: boolean): void {
    this.#answeredAt = this.#now();
    if (!acting) this.#status = 'standing by';
    else if (!this.#acting) this.#status = 'acting';
    this.#acting = acting;
    this.#life.ready(this);
  }

  /** One round of observing, deciding and acting. */
  async round(work: () => Promise<{ snapshot: Snapshot; decision: Decision }>): Promise<void> {
    try {
      const { snapshot, decision } = await this.#rounds.of(work);
      const { visible, inFlight } = snapshot.depth;
      this.#status = `acting: ${snapshot.instances.length} of ${decision.desired} wanted workers, ${visible + inFlight} requests pending`;
    } catch (error) {
      this.#status = `acting, but the last round failed: ${messageOf(error)}`;
      throw error;
    }
  }

  status(): string {
    return this.#status;
  }

  stuck(patienceMs: number): string | undefined {
    const over = (what: string, ms: number, allowedMs: number) =>
      ms > allowedMs + patienceMs ? `${what} for ${Math.round(ms / 1000)} s` : undefined;
    return (
      over('a round has not ended', this.#rounds.stillMs, ROUND_MS) ??
      (this.#acting
        ? over('there has been no round', this.#rounds.restMs, PAUSE_MS)
        : over('it has not been told who acts', this.#now() - this.#answeredAt, PAUSE_MS))
    );
  }
}
