import * as v from 'valibot';
import { parseJsonBytes } from './json.ts';

/** What the lease object holds. Who reads it watches it change; its times are for people. */
export const LeaseSchema = v.object({
  v: v.literal(1),
  holder: v.pipe(v.string(), v.minLength(1)),
  /** Grows with each renewal, so that each is a change. */
  beat: v.pipe(v.number(), v.integer()),
  /** ms since the epoch. */
  at: v.pipe(v.number(), v.integer()),
  /** True once the holder has let go. */
  released: v.boolean(),
});
export type Lease = v.InferOutput<typeof LeaseSchema>;

/** In the output store: the sign of life of the controller that acts on a fleet. */
export function leaseKey(fleet: string): string {
  return `fleet/${fleet}/controller`;
}

export const RENEW_SECONDS = 5;
/** A lease that has not changed for this long is free: takeover comes within `STALE_SECONDS + RENEW_SECONDS`. */
export const STALE_SECONDS = 20;
/** A holder that could not renew for this long stops acting, well before another may begin. */
export const TRUST_SECONDS = 12;

/** undefined for anything that is no lease. */
export function parseLease(body: Uint8Array): Lease | undefined {
  return parseJsonBytes(LeaseSchema, body);
}
