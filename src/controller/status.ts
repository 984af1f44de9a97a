import { type FleetStatus, fleetStatusKey, STATUS_BEAT_SECONDS } from '../core/fleetStatus.ts';
import { jsonBytes } from '../core/json.ts';
import { isSilent } from '../core/scaling/condition.ts';
import { doing } from '../core/scaling/doing.ts';
import type { Decision, Policy, Snapshot } from '../core/scaling/types.ts';
import type { Blobs } from '../ports.ts';

const MOST_DECISIONS = 20;
/** Each writing costs money, ms. */
const LEAST_PAUSE = 5_000;

export interface StatusOptions {
  readonly output: Blobs;
  readonly fleetName: string;
  /** ms of a clock that only goes forward. */
  readonly monotonic?: () => number;
}

/** What one round saw and did. */
export interface Round {
  readonly snapshot: Snapshot;
  readonly decision: Decision;
}

/** Shows the fleet and the last decisions to whoever looks: written when they change, and now and then. */
export class FleetStatusWriter {
  readonly #options: Required<StatusOptions>;
  #decisions: FleetStatus['decisions'] = [];
  #told = '';
  #status: FleetStatus | undefined;
  #written = '';
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(options: StatusOptions) {
    this.#options = { monotonic: () => performance.now(), ...options };
  }

  /** @param now ms since the epoch, by the fleet's clock */
  note({ snapshot, decision }: Round, { min, max }: Pick<Policy, 'min' | 'max'>, now: number): void {
    const at = Math.round(now);
    const { desired, launch, drain, terminate, reasons } = decision;
    if (reasons.length > 0 && doing(decision) !== this.#told) {
      const counts = { launch: launch.length, drain: drain.length, terminate: terminate.length };
      this.#decisions = [{ at, ...counts, reasons: [...reasons] }, ...this.#decisions].slice(
        0,
        MOST_DECISIONS,
      );
    }
    this.#told = doing(decision);
    const instances = snapshot.instances.map(instance => ({
      ...{ id: instance.id, slot: instance.slot, state: instance.state, reported: instance.reported },
      launchedAt: Math.round(instance.launchedAt),
      silent: isSilent(instance),
      idle: instance.idleSince !== null,
    }));
    this.#status = { v: 1, at, desired, min, max, instances, decisions: this.#decisions };
  }

  /** Writes what is new, at most every 5 seconds; the same again only after a minute. */
  async write(): Promise<void> {
    if (!this.#status) return;
    const { output, fleetName, monotonic } = this.#options;
    const silentMs = monotonic() - this.#writtenAt;
    const { at: _, ...rest } = this.#status;
    const content = JSON.stringify(rest);
    if (silentMs < (content === this.#written ? STATUS_BEAT_SECONDS * 1_000 : LEAST_PAUSE)) return;
    const body = jsonBytes(this.#status);
    this.#writtenAt = monotonic();
    await output.put(fleetStatusKey(fleetName), body, { contentType: 'application/json' });
    this.#written = content;
  }
}
