import {
  HEARTBEAT_SECONDS,
  type Heartbeat,
  heartbeatsOf,
  lookSeconds,
  parseHeartbeat,
  SILENT_SECONDS,
} from '../core/heartbeat.ts';
import { Newcomers } from '../core/scaling/newcomers.ts';
import type { Snapshot } from '../core/scaling/types.ts';
import { markOf, type Sight, seen } from '../core/sight.ts';
import type { BlobInfo, Blobs, FleetView, Instance, Queue } from '../ports.ts';
import type { AcceptedReader } from './accepted.ts';

export interface ObserverOptions {
  readonly requests: Queue;
  readonly output: Blobs;
  readonly fleet: FleetView;
  readonly fleetName: string;
  readonly accepted?: Pick<AcceptedReader, 'read' | 'sweep'>;
  /** How many slots the fleet has now. */
  readonly slots: () => number;
  /** ms of a clock that only goes forward: those of workers, store and fleet are never compared with ours. */
  readonly monotonic?: () => number;
}

/** A heartbeat as it was when it was last seen to change; undefined where it could not be understood. */
interface Beat {
  readonly mark: string;
  readonly heartbeat: Heartbeat | undefined;
  /** ms of the monotonic clock. */
  readonly seenAt: number;
  /** How old it was then, ms. */
  readonly ageMs: number;
}

/** A heartbeat left by an instance that is gone from the fleet is swept after this time. */
const FORGOTTEN_MS = 3_600_000;

/** Gathers what a decision needs: queue depth, fleet, heartbeats, and for how long who has been silent. */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #prefix: string;
  readonly #monotonic: () => number;
  /** By instance id, as are all that follow. */
  #beats = new Map<string, Beat>();
  #old: readonly string[] = [];
  /** All that have ever had a heartbeat: a worker that has said goodbye is not one that never reported. */
  readonly #reported = new Set<string>();
  /** What each instance of the fleet last showed of itself, and since when. */
  #signs = new Map<string, Sight<string>>();
  readonly #newcomers = new Newcomers();
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  /** Whether there were messages in flight when last seen. */
  #working = false;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#prefix = heartbeatsOf(options.fleetName);
    this.#monotonic = options.monotonic ?? (() => performance.now());
  }

  /** Rejects when any part of it cannot be seen: unknown is neither idle nor dead. */
  async snapshot(): Promise<Snapshot> {
    const { requests, fleet, slots, accepted } = this.#options;
    const [depth, instances, count] = await Promise.all([
      requests.depth(),
      fleet.list(),
      accepted?.read(),
      this.#refresh(),
    ]);
    this.#working = depth.inFlight > 0;
    this.#watch(instances);
    this.#newcomers.see(instances, id => this.#reported.has(id), fleet.now(), this.#readAt);
    return {
      depth,
      instances: instances.map(instance => {
        const heartbeat = this.#beats.get(instance.id)?.heartbeat;
        const state = heartbeat?.state === 'draining' ? 'draining' : instance.state;
        const reported = this.#reported.has(instance.id);
        const silentMs = this.#readAt - this.#signs.get(instance.id)!.since;
        return {
          ...{ ...instance, state, reported, silentMs },
          ...{ idleSince: this.#idleSince(instance.id), startedAt: this.#startedAt(instance.id) },
          ...{ processed: heartbeat?.processed ?? 0, busyMs: heartbeat?.busyMs ?? 0 },
        };
      }),
      closedSlots: fleet.closedSlots(slots()),
      unheard: this.#newcomers.unheard,
      accepted: count,
    };
  }

  /** Leave was granted to these. */
  granted(ids: readonly string[]): void {
    this.#newcomers.granted(ids);
  }

  /** By the fleet's clock: how long it had been idle is the worker's own, and how long ago it said so is ours. */
  #idleSince(id: string): number | null {
    const beat = this.#beats.get(id);
    if (!beat?.heartbeat || beat.heartbeat.idleSince === null) return null;
    const { at, idleSince } = beat.heartbeat;
    const idleMs = Math.max(0, at - idleSince) + this.#monotonic() - beat.seenAt;
    return Math.round(this.#options.fleet.now() - idleMs);
  }

  /** By the fleet's clock: how long it had been there is the worker's own. */
  #startedAt(id: string): number | null {
    const beat = this.#beats.get(id);
    if (!beat?.heartbeat) return null;
    const { at, startedAt } = beat.heartbeat;
    const thereMs = Math.max(0, at - startedAt) + beat.ageMs + this.#monotonic() - beat.seenAt;
    return Math.round(this.#options.fleet.now() - thereMs);
  }

  async #refresh(): Promise<void> {
    const allReported = this.#signs.keys().every(id => this.#reported.has(id));
    const worked = this.#beats.values().some(({ heartbeat }) => (heartbeat?.processed ?? 0) > 0);
    const pause = lookSeconds(allReported, this.#working, worked);
    if (this.#monotonic() - this.#readAt < pause * 1000) return;
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
    if (hello) this.#newcomers.hello();
    this.#beats = new Map(beats);
    // Also one that cannot be understood, of another version, is a sign of life.
    for (const [id] of beats) this.#reported.add(id);
    const now = this.#options.fleet.now();
    this.#old = listed.filter(({ modifiedAt }) => now - modifiedAt > FORGOTTEN_MS).map(({ key }) => key);
    // Who had nobody to listen was not silent.
    if (at - this.#readAt > SILENT_SECONDS * 1000) {
      this.#signs.clear();
      this.#newcomers.blink();
    }
    this.#readAt = at;
  }

  /** Only what has changed is read. */
  async #beat(info: BlobInfo): Promise<[string, Beat]> {
    const { key, modifiedAt } = info;
    const id = key.slice(this.#prefix.length);
    const mark = markOf(info);
    const known = this.#beats.get(id);
    if (known?.mark === mark) return [id, known];
    const stored = await this.#options.output.get(key);
    const heartbeat = stored && parseHeartbeat(stored.body);
    // The store's clock may be off, but what is new since the last look is no older than that.
    const ageMs = Math.max(0, Math.min(this.#options.fleet.now() - modifiedAt, HEARTBEAT_SECONDS * 1000));
    return [id, { mark, heartbeat, seenAt: this.#monotonic(), ageMs }];
  }

  #watch(instances: readonly Instance[]): void {
    this.#signs = new Map(
      instances.map(({ id, state }) => {
        const mark = `${state} ${this.#beats.get(id)?.mark}`;
        return [id, seen(this.#signs.get(id), mark, this.#readAt)];
      }),
    );
  }

  /** Deletes what instances that are gone have left behind. */
  async sweep({ instances }: Pick<Snapshot, 'instances'>): Promise<void> {
    const keys = new Set(instances.map(({ id }) => this.#prefix + id));
    const left = this.#old.filter(key => !keys.has(key));
    this.#old = [];
    const { output, accepted } = this.#options;
    await Promise.all([...left.map(key => output.delete(key)), accepted?.sweep()]);
  }
}
