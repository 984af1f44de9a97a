/** What a caller may still send. */
export interface Allowance {
  readonly allowed: boolean;
  /** Whole requests that may follow at once. */
  readonly remaining: number;
  /** Seconds until the next one is allowed (where this one was not), or until all are again. */
  readonly resetSeconds: number;
}

const MINUTE = 60_000;
/** Buckets that are full again are forgotten when there are more than that. */
const MANY = 10_000;

/** A token bucket for each caller: holds a minute's requests, and refills evenly. Each server counts alone. */
export class RateLimiter {
  readonly perMinute: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  /** @param perMinute 0 allows everything */
  constructor(perMinute: number, now: () => number) {
    this.perMinute = perMinute;
    this.#now = now;
  }

  take(caller: string): Allowance {
    const now = this.#now();
    const last = this.#buckets.get(caller) ?? { tokens: this.perMinute, at: now };
    const refilled = (Math.max(0, now - last.at) * this.perMinute) / MINUTE;
    const tokens = Math.min(this.perMinute, last.tokens + refilled);
    const allowed = tokens >= 1;
    const left = allowed ? tokens - 1 : tokens;
    this.#buckets.set(caller, { tokens: left, at: now });
    if (this.#buckets.size > MANY) this.#forget(now);
    const wanted = allowed ? this.perMinute - left : 1 - left;
    return {
      allowed,
      remaining: Math.floor(left),
      resetSeconds: Math.ceil((wanted * MINUTE) / this.perMinute / 1_000),
    };
  }

  #forget(now: number): void {
    for (const [caller, { at }] of this.#buckets) if (now - at >= MINUTE) this.#buckets.delete(caller);
  }
}
