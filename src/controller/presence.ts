import { jsonBytes } from '../core/json.ts';
import { type Lease, leaseKey, RENEW_SECONDS } from '../core/lease.ts';
import type { Blobs, Lease as LeasePort } from '../ports.ts';

/**
 * For controllers that act all at once: none is kept from acting, and the workers still see that somebody is there.
 * (Slots and client tokens keep the fleet within its maximum.)
 */
export class Presence implements LeasePort {
  readonly #output: Blobs;
  readonly #key: string;
  readonly #holder: string;
  #beat = 0;
  #lastBeat = Number.NEGATIVE_INFINITY;

  constructor(output: Blobs, fleet: string, holder: string) {
    this.#output = output;
    this.#key = leaseKey(fleet);
    this.#holder = holder;
  }

  async mayAct(): Promise<boolean> {
    if (performance.now() - this.#lastBeat < RENEW_SECONDS * 1000) return true;
    this.#lastBeat = performance.now();
    const lease: Lease = { v: 1, holder: this.#holder, beat: ++this.#beat, at: Date.now(), released: false };
    await this.#output.put(this.#key, jsonBytes(lease));
    return true;
  }

  async release(): Promise<void> {}
}
