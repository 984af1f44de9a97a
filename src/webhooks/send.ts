import { lookup as resolve } from 'node:dns/promises';
import { request as http } from 'node:http';
import { request as https } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress, urlProblem } from './address.ts';

const TIMEOUT_MS = 10_000;

export interface Delivery {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly privateAllowed: boolean;
  /** For the whole exchange. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Posts once, and resolves to the status; redirects are not followed and the answer is not read. Rejects when there is
 * none in time. The address is checked and then connected to as it was checked, so that no name can change its mind.
 */
export function send(delivery: Delivery): Promise<number> {
  const { url, headers, body, privateAllowed, timeoutMs = TIMEOUT_MS, signal } = delivery;
  const problem = urlProblem(url, privateAllowed);
  if (problem !== undefined) return Promise.reject(new Error(`the URL ${problem}`));
  const { promise, resolve: answered, reject } = Promise.withResolvers<number>();
  const end = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]);
  const call = url.startsWith('https:') ? https : http;
  const bytes = new TextEncoder().encode(body);
  const outgoing = call(
    url,
    {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': bytes.length, ...headers },
      agent: false,
      signal: end,
      lookup: lookupOf(privateAllowed),
    },
    response => {
      answered(response.statusCode ?? 0);
      response.destroy();
    },
  );
  outgoing.on('error', error => reject(end.aborted ? new Error(`no answer in ${timeoutMs} ms`) : error));
  outgoing.end(bytes);
  return promise;
}

/** Resolves a name to its public addresses only. */
function lookupOf(privateAllowed: boolean): LookupFunction {
  return (host, options, callback) => {
    const fail = (error: Error) => callback(error, '', 0);
    const found = isIP(host)
      ? Promise.resolve([{ address: host, family: isIP(host) }])
      : resolve(host, { all: true });
    found.then(all => {
      const allowed = all.filter(({ address }) => privateAllowed || isPublicAddress(address));
      const [first] = allowed;
      if (!first) return fail(new Error('the name leads to a private address'));
      if (options.all) return callback(null, allowed);
      callback(null, first.address, first.family);
    }, fail);
  };
}
