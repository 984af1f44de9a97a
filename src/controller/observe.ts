import { HEARTBEATS, type Heartbeat, parseHeartbeat } from '../core/heartbeat.ts';
import type { Snapshot } from '../core/scaling.ts';
import type { Blobs, Fleet, Queue } from '../ports.ts';

export interface ObserverOptions {
  readonly requests: Queue;
  readonly output: Blobs;
  readonly fleet: Fleet;
  readonly now?: () => number;
}

/** Heartbeats change every 15 s; reading them more often than this tells nothing new. */
const HEARTBEATS_EVERY_MS = 5000;
/** A heartbeat left by an instance that is gone from the fleet is swept after this time. */
const FORGOTTEN_MS = 3_600_000;

/** Gathers what a decision needs: queue depth, fleet, heartbeats. */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #now: () => number;
  #heartbeats = new Map<string, Heartbeat>();
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  async snapshot(): Promise<Snapshot> {
    const { requests, fleet } = this.#options;
    const [depth, instances] = await Promise.all([requests.depth(), fleet.list(), this.#refresh()]);
    return {
      depth,
      instances: instances.map(instance => {
        const heartbeat = this.#heartbeats.get(instance.id);
        return { ...instance, reported: heartbeat !== undefined, idleSince: heartbeat?.idleSince ?? null };
      }),
    };
  }

  async #refresh(): Promise<void> {
    if (this.#now() - this.#readAt < HEARTBEATS_EVERY_MS) return;
    this.#readAt = this.#now();
    const { output } = this.#options;
    const listed = await output.list(HEARTBEATS);
    const old = listed.filter(({ modifiedAt }) => this.#now() - modifiedAt > FORGOTTEN_MS);
    const stored = await Promise.all(listed.map(({ key }) => output.get(key)));
    const heartbeats = stored.flatMap(blob => (blob && parseHeartbeat(blob.body)) ?? []);
    this.#heartbeats = new Map(heartbeats.map(heartbeat => [heartbeat.id, heartbeat]));
    await Promise.all(old.map(({ key }) => output.delete(key)));
  }
}
