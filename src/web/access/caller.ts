import { Problem } from '../problem.ts';
import type { Keyring } from './keyring.ts';
import type { Scope } from './keys.ts';

/** Who sends a request. */
export interface Caller {
  /** `open`: nobody in particular, on a server without keys. */
  readonly via: 'open' | 'key' | 'session';
  /** Of the key; of the one that opened the session. */
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
}

const everybody: Caller = { via: 'open', id: 'open', name: 'anybody', scopes: ['admin'] };

/**
 * Whom a server serves as long as there is no key: `anyone` (its operator accepts that), `this-machine` (it listens on a
 * loopback address), `nobody`.
 */
export type Open = 'anyone' | 'this-machine' | 'nobody';

export const SESSION_COOKIE = 'facerec_session';

/** The token that a request carries, and how. */
export function tokenOf(request: Request): { token: string; via: 'key' | 'session' } | undefined {
  const { headers } = request;
  const bearer = /^bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')?.[1];
  const key = bearer ?? headers.get('x-api-key')?.trim();
  if (key) return { token: key, via: 'key' };
  const cookies = (headers.get('cookie') ?? '').split(';').map(cookie => cookie.trim());
  const session = cookies.find(cookie => cookie.startsWith(`${SESSION_COOKIE}=`));
  if (session === undefined) return undefined;
  return { token: session.slice(SESSION_COOKIE.length + 1), via: 'session' };
}

/** Throws a 401 problem, or a 403 problem for a request that a web page may have forged. */
export async function callerOf(request: Request, keyring: Keyring, open: Open): Promise<Caller> {
  const given = tokenOf(request);
  if (await keyring.isEmpty()) {
    if (open === 'nobody') throw unauthorized('This server has no keys yet: facerec-web keys create.');
    if (open === 'this-machine') requireLocalHost(request);
    return everybody;
  }
  if (!given) throw unauthorized('Send a key as Authorization: Bearer … or x-api-key, or open a session.');
  const key = await keyring.find(given.token);
  if (!key || (given.via === 'session') !== (key.parent !== undefined)) throw invalidKey();
  if (given.via === 'session') requireSameOrigin(request);
  const { name, scopes } = key;
  return { via: given.via, id: key.parent ?? key.id, name, scopes };
}

function unauthorized(detail: string, more = ''): Problem {
  const challenge = `Bearer realm="facerec"${more}`;
  return new Problem('unauthorized', detail, { headers: { 'www-authenticate': challenge } });
}

export function invalidKey(): Problem {
  const detail = 'The key is not valid, or no longer. Ask the operator for another one.';
  return unauthorized(detail, ', error="invalid_token"');
}

/** A page whose name leads to this machine (DNS rebinding) is a stranger that looks like a local one. */
function requireLocalHost(request: Request): void {
  const { hostname } = new URL(request.url);
  if (isLoopback(hostname)) return;
  throw new Problem(
    'foreign-host',
    'Without keys only this machine is served, by the names localhost and 127.0.0.1. Create a key (facerec-web keys create), or set FACEREC_OPEN=on.',
  );
}

/** For browsers too old to send Sec-Fetch-Site. */
function requireSameOrigin(request: Request): void {
  const origin = request.headers.get('origin');
  if (origin === null || request.headers.has('sec-fetch-site')) return;
  if (['GET', 'HEAD'].includes(request.method)) return;
  if (URL.parse(origin)?.host !== (request.headers.get('host') ?? new URL(request.url).host))
    throw new Problem('cross-site', 'Send it from a page of this server, or with a key.');
}

/** Whether only programs of this machine reach the address. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?|\[?::ffff:127(\.\d{1,3}){3}\]?)$/i.test(host);
}
