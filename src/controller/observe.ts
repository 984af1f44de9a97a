import {
  HEARTBEAT_SECONDS,
  type Heartbeat,
  heartbeatsOf,
  parseHeartbeat,
  SILENT_SECONDS,
} from '../core/heartbeat.ts';
import { HELLO_SECONDS, type Snapshot, type Unheard } from '../core/scaling.ts';
import type { BlobInfo, Blobs, Fleet, Instance, Queue } from '../ports.ts';

export interface ObserverOptions {
  readonly requests: Queue;
  readonly output: Blobs;
  readonly fleet: Fleet;
  readonly fleetName: string;
  /** How many slots the fleet has now. */
  readonly slots: () => number;
  /** ms since the epoch. */
  readonly now?: () => number;
  /** ms of a clock that only goes forward: those of workers and store are never compared with ours. */
  readonly monotonic?: () => number;
}

/** A heartbeat as it was when it was last seen to change; undefined where it could not be understood. */
interface Beat {
  readonly mark: string;
  readonly heartbeat: Heartbeat | undefined;
}

/** A heartbeat left by an instance that is gone from the fleet is swept after this time. */
const FORGOTTEN_MS = 3_600_000;
/** More than any decision asks for. */
const MOST_UNHEARD = 1000;

/** Gathers what a decision needs: queue depth, fleet, heartbeats, and for how long who has been silent. */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #prefix: string;
  readonly #now: () => number;
  readonly #monotonic: () => number;
  /** By instance id, as are all that follow. */
  #beats = new Map<string, Beat>();
  #old: readonly string[] = [];
  /** All that have ever had a heartbeat: a worker that has said goodbye is not one that never reported. */
  readonly #reported = new Set<string>();
  /** What each instance of the fleet last showed of itself, and since when. */
  #signs = new Map<string, { readonly mark: string; readonly since: number }>();
  /** When those were launched that have not reported, as far as they were seen. */
  readonly #newcomers = new Map<string, number>();
  #unheard: readonly Unheard[] = [];
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#prefix = heartbeatsOf(options.fleetName);
    this.#now = options.now ?? Date.now;
    this.#monotonic = options.monotonic ?? (() => performance.now());
  }

  /** Rejects when any part of it cannot be seen: unknown is neither idle nor dead. */
  async snapshot(): Promise<Snapshot> {
    const { requests, fleet, slots } = this.#options;
    const [depth, instances] = await Promise.all([requests.depth(), fleet.list(), this.#refresh()]);
    this.#watch(instances);
    this.#missNewcomers(instances);
    await this.#sweep(instances);
    return {
      depth,
      instances: instances.map(instance => {
        const heartbeat = this.#beats.get(instance.id)?.heartbeat;
        const state = heartbeat?.state === 'draining' ? 'draining' : instance.state;
        const reported = this.#reported.has(instance.id);
        const silentMs = this.#readAt - this.#signs.get(instance.id)!.since;
        return { ...instance, state, reported, idleSince: heartbeat?.idleSince ?? null, silentMs };
      }),
      closedSlots: fleet.closedSlots(slots()),
      unheard: this.#unheard,
    };
  }

  async #refresh(): Promise<void> {
    // More often than they change they would tell nothing new.
    if (this.#monotonic() - this.#readAt < HEARTBEAT_SECONDS * 1000) return;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  async #read(): Promise<void> {
    const at = this.#monotonic();
    const listed = await this.#options.output.list(this.#prefix);
    const beats = await Promise.all(listed.map(info => this.#beat(info)));
    const hello = beats.some(([id]) => !this.#reported.has(id));
    if (hello) this.#unheard = [];
    this.#beats = new Map(beats);
    // Also one that cannot be understood, of another version, is a sign of life.
    for (const [id] of beats) this.#reported.add(id);
    this.#old = listed
      .filter(({ modifiedAt }) => this.#now() - modifiedAt > FORGOTTEN_MS)
      .map(({ key }) => key);
    // Who had nobody to listen was not silent.
    if (at - this.#readAt > SILENT_SECONDS * 1000) this.#signs.clear();
    this.#readAt = at;
  }

  /** Only what has changed is read. */
  async #beat({ key, modifiedAt, size }: BlobInfo): Promise<[string, Beat]> {
    const id = key.slice(this.#prefix.length);
    const mark = `${modifiedAt} ${size}`;
    const known = this.#beats.get(id);
    if (known?.mark === mark) return [id, known];
    const stored = await this.#options.output.get(key);
    return [id, { mark, heartbeat: stored && parseHeartbeat(stored.body) }];
  }

  #watch(instances: readonly Instance[]): void {
    this.#signs = new Map(
      instances.map(({ id, state }) => {
        const mark = `${state} ${this.#beats.get(id)?.mark}`;
        const known = this.#signs.get(id);
        return [id, known?.mark === mark ? known : { mark, since: this.#readAt }];
      }),
    );
  }

  #missNewcomers(instances: readonly Instance[]): void {
    const listed = new Set(instances.map(({ id }) => id));
    for (const { id, launchedAt } of instances) this.#newcomers.set(id, launchedAt);
    for (const [id, launchedAt] of this.#newcomers) {
      if (listed.has(id) && !this.#reported.has(id)) continue;
      this.#newcomers.delete(id);
      if (this.#reported.has(id)) continue;
      const at = Math.min(this.#now(), launchedAt + HELLO_SECONDS * 1000);
      // It may have left a heartbeat: if so, the next reading clears this.
      this.#unheard = [...this.#unheard, { id, at }].slice(-MOST_UNHEARD);
    }
  }

  async #sweep(instances: readonly Instance[]): Promise<void> {
    const keys = new Set(instances.map(({ id }) => this.#prefix + id));
    const left = this.#old.filter(key => !keys.has(key));
    this.#old = [];
    await Promise.all(left.map(key => this.#options.output.delete(key)));
  }
}
