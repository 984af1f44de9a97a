import { messageOf } from '../core/errors.ts';
import {
  HEARTBEAT_SECONDS,
  type Heartbeat,
  heartbeatsOf,
  parseHeartbeat,
  SILENT_SECONDS,
} from '../core/heartbeat.ts';
import { leaseKey } from '../core/lease.ts';
import { ALONE_SECONDS, type LeavePolicy, mayLeave, type Peer } from '../core/leave.ts';
import { markOf, type Sight, seen } from '../core/sight.ts';
import type { Blobs, Log } from '../ports.ts';
import { every } from '../runtime/time.ts';

export interface AloneOptions {
  readonly output: Blobs;
  /** The fleet's name. */
  readonly fleet: string;
  readonly state: () => Heartbeat;
  readonly policy: () => LeavePolicy;
  readonly log: Log;
  readonly leave: (reason: string) => void;
  /** ms of a clock that only goes forward: those of other workers and of the store are never compared with ours. */
  readonly monotonic?: () => number;
}

/** Leaves without a grant when nobody is there to give one, by the rule of `mayLeave`, until the signal aborts. */
export async function watchAlone(options: AloneOptions, signal: AbortSignal): Promise<void> {
  const watch = new AloneWatch(options);
  await every(HEARTBEAT_SECONDS * 1000, signal, () => watch.look());
}

/** To be asked to look every `HEARTBEAT_SECONDS`, from the worker's beginning. */
export class AloneWatch {
  readonly #options: AloneOptions;
  readonly #monotonic: () => number;
  readonly #begunAt: number;
  #controller: Sight<string | undefined>;
  #idle: Sight<number | null>;
  /** Other workers' heartbeats by key; `since` is undefined until one was seen to change. */
  #peers: ReadonlyMap<string, { readonly mark: string; readonly since: number | undefined }> = new Map();

  constructor(options: AloneOptions) {
    this.#options = options;
    this.#monotonic = options.monotonic ?? (() => performance.now());
    this.#begunAt = this.#monotonic();
    this.#controller = { mark: undefined, since: this.#begunAt };
    this.#idle = { mark: null, since: this.#begunAt };
  }

  async look(): Promise<void> {
    const { output, fleet, state, policy, log, leave } = this.#options;
    const own = state();
    const now = this.#monotonic();
    this.#idle = seen(this.#idle, own.idleSince, now);
    // A busy worker does not leave, so it need not look.
    if (own.idleSince === null) {
      this.#controller = { ...this.#controller, since: now };
      return;
    }
    try {
      this.#controller = seen(this.#controller, (await output.get(leaseKey(fleet)))?.etag, now);
      const aloneMs = now - this.#controller.since;
      // Long enough before the time to see the living change.
      if (aloneMs < (ALONE_SECONDS - SILENT_SECONDS) * 1000) return;
      await this.#watchPeers(now);
      if (aloneMs < ALONE_SECONDS * 1000) return;
      const self = { own, ageMs: now - this.#begunAt, idleMs: now - this.#idle.since, aloneMs };
      if (mayLeave(self, await this.#livePeers(now), policy())) leave('idle, and no sign of a controller');
    } catch (error) {
      log.warn('fleet-unseen', { error: messageOf(error) });
    }
  }

  async #watchPeers(now: number): Promise<void> {
    const listed = await this.#options.output.list(heartbeatsOf(this.#options.fleet));
    this.#peers = new Map(
      listed.map(info => {
        const { key } = info;
        const mark = markOf(info);
        const known = this.#peers.get(key);
        const changed = known !== undefined && known.mark !== mark;
        return [key, { mark, since: changed ? now : known?.since }];
      }),
    );
  }

  async #livePeers(now: number): Promise<Peer[]> {
    const live = [...this.#peers].filter(
      ([, { since }]) => since !== undefined && now - since < SILENT_SECONDS * 1000,
    );
    const peers = live.map(async ([key, { since }]): Promise<Peer[]> => {
      const stored = await this.#options.output.get(key);
      const heartbeat = stored && parseHeartbeat(stored.body);
      return heartbeat ? [{ heartbeat, changedMs: now - since! }] : [];
    });
    return (await Promise.all(peers)).flat();
  }
}
