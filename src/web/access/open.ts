import type { Config } from '../../config.ts';
import { messageOf } from '../../core/errors.ts';
import type { Blobs, Log } from '../../ports.ts';
import { SetupError } from '../../runtime/setup.ts';
import type { Access } from './access.ts';
import { isLoopback, type Open } from './caller.ts';
import { Keyring } from './keyring.ts';
import { RateLimiter } from './rateLimit.ts';

const THIS_MACHINE = '127.0.0.1';
const EVERY_ADDRESS = '0.0.0.0';

/**
 * Who may come in, and the address to listen on. Throws a SetupError where FACEREC_HOST would open the server to others and
 * nobody has said that it should be open; where no address was given, it then listens for this machine only.
 */
export async function openAccess(
  { aws, host: given, open, rateLimit }: Pick<Config, 'aws' | 'host' | 'open' | 'rateLimit'>,
  store: Blobs,
  log: Log,
): Promise<{ access: Access; host: string }> {
  const keyring = new Keyring({ store });
  let host = given ?? (aws ? EVERY_ADDRESS : THIS_MACHINE);
  if (!open && !isLoopback(host) && (await hasNoKey(keyring, log))) {
    const cure =
      'Create a key (facerec-web keys create --name NAME --scope admin), or set FACEREC_OPEN=on to serve everybody';
    if (given !== undefined)
      throw new SetupError(
        `FACEREC_HOST: on ${host} others can reach this server, and it has no keys. ${cure}, or listen on ${THIS_MACHINE}`,
      );
    host = THIS_MACHINE;
    log.warn('this-machine-only', { host, why: `There are no keys. ${cure}, and start again` });
  }
  const to: Open = open ? 'anyone' : isLoopback(host) ? 'this-machine' : 'nobody';
  return {
    access: { keyring, open: to, limiter: new RateLimiter(rateLimit, () => performance.now()) },
    host,
  };
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
