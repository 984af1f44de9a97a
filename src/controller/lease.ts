import { messageOf } from '../core/errors.ts';
import { jsonBytes } from '../core/json.ts';
import {
  type Lease,
  leaseKey,
  parseLease,
  RENEW_SECONDS,
  STALE_SECONDS,
  TRUST_SECONDS,
} from '../core/lease.ts';
import { type Sight, seen } from '../core/sight.ts';
import type { Blobs, Lease as LeasePort, Log } from '../ports.ts';
import { type SetTimer, within } from '../runtime/time.ts';

export interface LeaseOptions {
  readonly output: Blobs;
  /** The fleet's name. */
  readonly fleet: string;
  readonly holder: string;
  readonly log: Log;
  /** ms since the epoch, for people. */
  readonly now?: () => number;
  /** ms of a clock that only goes forward: other machines' clocks are never compared with ours. */
  readonly monotonic?: () => number;
  readonly timer?: SetTimer;
}

/** A store that does not answer must not hold up the end, ms. */
const RELEASE_MS = 3000;

/**
 * Lets one of several controllers act. The lease is an object that its holder rewrites every few seconds, by conditional
 * write; a controller that has watched it unchanged for `STALE_SECONDS` takes it over, by conditional write too.
 */
export class ControllerLease implements LeasePort {
  readonly #options: LeaseOptions;
  readonly #key: string;
  readonly #now: () => number;
  readonly #monotonic: () => number;
  /** The object's etag; undefined where there is none. */
  #seen: Sight<string | undefined> | undefined;
  #held: { etag: string; renewedAt: number } | undefined;
  #beat = 0;
  #lastTry = Number.NEGATIVE_INFINITY;
  #trying: Promise<void> | undefined;
  #heldSince = Number.NEGATIVE_INFINITY;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#key = leaseKey(options.fleet);
    this.#now = options.now ?? Date.now;
    this.#monotonic = options.monotonic ?? (() => performance.now());
  }

  /** Whether this controller may act now. Renews, watches or takes over as is due; rejects when the store fails. */
  async mayAct(): Promise<boolean> {
    if (this.#monotonic() - this.#lastTry >= RENEW_SECONDS * 1000) {
      this.#lastTry = this.#monotonic();
      this.#trying = (this.#held ? this.#renew(this.#held.etag) : this.#watch()).finally(() => {
        this.#trying = undefined;
      });
    }
    try {
      await this.#trying;
    } catch (error) {
      // The store may be back before our time is up.
      if (!this.#trusted()) throw error;
    }
    return this.#trusted();
  }

  /**
   * Since when without a break, ms of the monotonic clock; minus infinity when nobody held it before; undefined when it
   * is not held.
   */
  heldSince(): number | undefined {
    return this.#trusted() ? this.#heldSince : undefined;
  }

  /** Lets go, so that another need not wait; where the store fails, another waits until the lease is stale. Never rejects. */
  async release(): Promise<void> {
    const { log, timer } = this.#options;
    const held = this.#held;
    this.#held = undefined;
    if (!held) return;
    try {
      await within(RELEASE_MS, signal => this.#write(true, { ifMatch: held.etag, signal }), timer);
    } catch (error) {
      log.warn('lease-not-released', { error: messageOf(error), freeInSeconds: STALE_SECONDS });
    }
  }

  #trusted(): boolean {
    return this.#held !== undefined && this.#monotonic() - this.#held.renewedAt < TRUST_SECONDS * 1000;
  }

  async #renew(etag: string): Promise<void> {
    const before = this.#monotonic();
    const renewed = await this.#write(false, { ifMatch: etag });
    if (renewed !== undefined) {
      this.#held = { etag: renewed, renewedAt: before };
      return;
    }
    // Somebody else wrote, or our own write arrived and its answer was lost.
    this.#held = undefined;
    this.#options.log.warn('lease-lost', { holder: this.#options.holder });
    await this.#watch();
  }

  async #watch(): Promise<void> {
    const { output, holder } = this.#options;
    const before = this.#monotonic();
    const stored = await output.get(this.#key);
    const lease = stored && parseLease(stored.body);
    this.#seen = seen(this.#seen, stored?.etag, before);
    const free = !lease || lease.released || lease.holder === holder;
    if (!free && before - this.#seen.since < STALE_SECONDS * 1000) return;
    this.#beat = Math.max(this.#beat, lease?.beat ?? 0);
    const taken = await this.#write(false, stored ? { ifMatch: stored.etag } : { ifAbsent: true });
    if (taken === undefined) return;
    this.#held = { etag: taken, renewedAt: before };
    this.#heldSince = stored ? this.#monotonic() : Number.NEGATIVE_INFINITY;
    this.#options.log.info('lease-taken', { holder, from: lease?.released === false ? lease.holder : null });
  }

  #write(
    released: boolean,
    condition: { ifMatch: string; signal?: AbortSignal } | { ifAbsent: true },
  ): Promise<string | undefined> {
    const { output, holder } = this.#options;
    this.#beat += 1;
    const lease: Lease = { v: 1, holder, beat: this.#beat, at: this.#now(), released };
    const body = jsonBytes(lease);
    return output.put(this.#key, body, { contentType: 'application/json', ...condition });
  }
}
