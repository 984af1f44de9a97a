import type { Config } from '../../config.ts';
import { messageOf } from '../../core/errors.ts';
import type { Blobs, Log } from '../../ports.ts';
import { SetupError } from '../../runtime/setup.ts';
import type { Access } from './access.ts';
import { isLoopback, type Open } from './caller.ts';
import { Keyring } from './keyring.ts';
import { RateLimiter } from './rateLimit.ts';

/** Throws a SetupError where the server would be open to others and nobody has said that it should be. */
export async function openAccess(
  { host, open, rateLimit }: Pick<Config, 'host' | 'open' | 'rateLimit'>,
  store: Blobs,
  log: Log,
): Promise<Access> {
  const keyring = new Keyring({ store });
  const to: Open = open ? 'anyone' : isLoopback(host) ? 'this-machine' : 'nobody';
  if (to === 'nobody' && (await hasNoKey(keyring, log)))
    throw new SetupError(
      `FACEREC_HOST: on ${host} others can reach this server, and it has no keys. Create one (facerec-web keys create --name NAME --scope admin), listen on 127.0.0.1, or set FACEREC_OPEN=on to serve everybody`,
    );
  return { keyring, open: to, limiter: new RateLimiter(rateLimit, () => performance.now()) };
}

/** False where that cannot be told just now: until it can, nobody is served. */
async function hasNoKey(keyring: Keyring, log: Log): Promise<boolean> {
  try {
    return await keyring.isEmpty();
  } catch (error) {
    log.error('keys-unreadable', { error: messageOf(error) });
    return false;
  }
}
