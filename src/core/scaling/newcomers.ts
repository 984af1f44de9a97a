import type { Instance } from '../../ports.ts';
import { SILENT_SECONDS } from '../heartbeat.ts';
import { HELLO_SECONDS } from './condition.ts';
import type { Unheard } from './types.ts';

interface Newcomer {
  /** By the fleet's clock, ms. */
  readonly launchedAt: number;
  /** When it was first and last seen alive, ms of the monotonic clock. */
  readonly seenAt: number;
  readonly aliveAt: number;
  readonly counted: boolean;
}

/** More than any decision asks for. */
const MOST_UNHEARD = 1000;

/**
 * Counts the instances that come and never say hello. Only those that were watched: whoever is leaving when first seen, or
 * soon after, may have said hello and goodbye to another controller.
 */
export class Newcomers {
  readonly #known = new Map<string, Newcomer>();
  #unheard: readonly Unheard[] = [];
  /** From when on no launch has escaped notice, ms since the epoch by the fleet's clock; undefined before the first look. */
  #since: number | undefined;

  /** Since the last hello. */
  get unheard(): readonly Unheard[] {
    return this.#unheard;
  }

  /**
   * @param hasReported whether an instance has ever had a heartbeat
   * @param now ms since the epoch, by the fleet's clock
   * @param readAt when heartbeats were last looked for, ms of the monotonic clock
   */
  see(
    instances: readonly Instance[],
    hasReported: (id: string) => boolean,
    now: number,
    readAt: number,
  ): void {
    if (this.#since === undefined)
      for (const [id, known] of this.#known)
        this.#known.set(id, { ...known, seenAt: readAt, aliveAt: readAt });
    this.#since ??= now;
    const listed = new Set(instances.map(({ id }) => id));
    const alive = new Set(instances.flatMap(({ id, state }) => (state === 'draining' ? [] : [id])));
    for (const { id, launchedAt } of instances) {
      const known = this.#known.get(id) ?? { launchedAt, seenAt: readAt, counted: false };
      if (alive.has(id)) this.#known.set(id, { ...known, aliveAt: readAt });
    }
    for (const [id, newcomer] of this.#known) {
      const overdueAt = newcomer.launchedAt + HELLO_SECONDS * 1000;
      const reported = hasReported(id);
      if (reported || !listed.has(id)) this.#known.delete(id);
      const lost = !reported && (!alive.has(id) || now >= overdueAt);
      if (!lost || newcomer.counted || !this.#wasWatched(newcomer)) continue;
      // It may have left a heartbeat that is not read yet: if so, that is a hello.
      this.#unheard = [...this.#unheard, { id, at: Math.min(now, overdueAt) }].slice(-MOST_UNHEARD);
      if (listed.has(id)) this.#known.set(id, { ...newcomer, counted: true });
    }
  }

  /** Somebody has said hello: what is launched works. */
  hello(): void {
    this.#unheard = [];
  }

  /** Leave was granted: to end without a word is in order. */
  granted(ids: readonly string[]): void {
    for (const id of ids) this.#known.delete(id);
  }

  /** There was a time without sight. */
  blink(): void {
    this.#since = undefined;
  }

  #wasWatched({ launchedAt, seenAt, aliveAt }: Newcomer): boolean {
    return launchedAt >= this.#since! || aliveAt - seenAt >= SILENT_SECONDS * 1000;
  }
}
