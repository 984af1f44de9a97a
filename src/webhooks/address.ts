import { BlockList, isIP } from 'node:net';

/** Addresses that are not the public internet's (RFC 6890 and its registries), clouds' metadata services among them. */
const reserved = new BlockList();
for (const range of [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24'],
  ...['203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
]) {
  const [net = '', bits] = range.split('/');
  reserved.addSubnet(net, Number(bits), 'ipv4');
}

/** Of IPv6 only what is handed out (2000::/3), without documentation, Teredo and 6to4, which lead to other addresses. */
const handedOut = new BlockList();
handedOut.addSubnet('2000::', 3, 'ipv6');
const tricky = new BlockList();
for (const [net, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  tricky.addSubnet(net, bits, 'ipv6');

/** Whether a webhook may be sent there: false for every address of a private network, and for what is no address. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !reserved.check(address, 'ipv4');
  if (isIP(address) === 6) return handedOut.check(address, 'ipv6') && !tricky.check(address, 'ipv6');
  return false;
}

/** Why a webhook cannot have this URL; undefined when it can. What its name leads to is seen with each delivery. */
export function urlProblem(text: string, privateAllowed: boolean): string | undefined {
  const url = URL.parse(text);
  if (!url || text.length > 2_000) return 'is no URL of at most 2,000 characters';
  if (url.protocol !== 'https:' && !(privateAllowed && url.protocol === 'http:'))
    return 'is not https: results are personal data';
  if (url.username || url.password || url.hash) return 'holds a user, password or fragment';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (!privateAllowed && isIP(host) !== 0 && !isPublicAddress(host))
    return 'leads to a private address (FACEREC_WEBHOOK_PRIVATE=on allows that)';
  return undefined;
}
