import type { Open } from './caller.ts';
import type { Keyring } from './keyring.ts';
import type { RateLimiter } from './rateLimit.ts';

/** What decides who may do what. */
export interface Access {
  readonly keyring: Keyring;
  readonly open: Open;
  readonly limiter: RateLimiter;
}
