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
  /** Ids that have ever had a heartbeat: a worker that has said goodbye is not one that never reported. */
  readonly #reported = new Set<string>();
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Rejects when any part of it cannot be seen: unknown is neither idle nor dead. */
  async snapshot(): Promise<Snapshot> {
    const { requests, fleet } = this.#options;
    const [depth, instances] = await Promise.all([requests.depth(), fleet.list(), this.#refresh()]);
    return {
      depth,
      instances: instances.map(instance => {
        const heartbeat = this.#heartbeats.get(instance.id);
        const state = heartbeat?.state === 'draining' ? 'draining' : instance.state;
        const reported = this.#reported.has(instance.id);
        return { ...instance, state, reported, idleSince: heartbeat?.idleSince ?? null };
      }),
    };
  }

  async #refresh(): Promise<void> {
    if (this.#now() - this.#readAt < HEARTBEATS_EVERY_MS) return;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  async #read(): Promise<void> {
    const { output } = this.#options;
    const listed = await output.list(HEARTBEATS);
    const old = listed.filter(({ modifiedAt }) => this.#now() - modifiedAt > FORGOTTEN_MS);
    const stored = await Promise.all(listed.map(({ key }) => output.get(key)));
    const heartbeats = stored.flatMap(blob => (blob && parseHeartbeat(blob.body)) ?? []);
    this.#heartbeats = new Map(heartbeats.map(heartbeat => [heartbeat.id, heartbeat]));
    // Also one that cannot be read, of another version, is a sign of life.
    for (const { key } of listed) this.#reported.add(key.slice(HEARTBEATS.length));
    this.#readAt = this.#now();
    await Promise.all(old.map(({ key }) => output.delete(key)));
  }
}
