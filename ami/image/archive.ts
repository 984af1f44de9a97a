import { run } from './run.ts';

export const SUITE = 'trixie';
const PUBLIC = 'http://deb.debian.org/debian';
const PUBLIC_SECURITY = 'http://deb.debian.org/debian-security';

/** Where Debian's packages come from, and in which state they are there now. */
export interface Archive {
  /** Lines for sources.list. */
  readonly sources: readonly string[];
  /** How this machine's apt reaches it, as apt options. */
  readonly options: readonly string[];
  /** Changes when any package of it may have changed. */
  readonly fingerprint: string;
  /** When it last changed, or what SOURCE_DATE_EPOCH says instead; seconds since 1970. */
  readonly epoch: number;
}

/**
 * The mirrors of DEBIAN_MIRROR and DEBIAN_SECURITY_MIRROR, else those that this machine's apt is set to, where it is a
 * Debian, else Debian's own.
 */
export async function openArchive(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Archive> {
  const sites = await aptSites();
  const mirror = environment.DEBIAN_MIRROR || sites.get('Debian') || PUBLIC;
  const security = environment.DEBIAN_SECURITY_MIRROR || sites.get('Debian-Security') || PUBLIC_SECURITY;
  const suites = [
    [mirror, SUITE],
    [mirror, `${SUITE}-updates`],
    [security, `${SUITE}-security`],
  ] as const;
  const releases = await Promise.all(suites.map(([url, suite]) => release(url, suite)));
  return {
    sources: suites.map(([url, suite]) => `deb ${url} ${suite} main`),
    options: await aptOptions(),
    fingerprint: new Bun.CryptoHasher('sha256').update(releases.join('\n')).digest('hex'),
    epoch: Number(environment.SOURCE_DATE_EPOCH || Math.max(...releases.map(dateOf))),
  };
}

/** What the mirror says of the suite's state: its signed list of indexes. */
async function release(mirror: string, suite: string): Promise<string> {
  const url = `${mirror.replace(/\/+$/, '')}/dists/${suite}/InRelease`;
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${answer.statusText}`);
  return answer.text();
}

function dateOf(release: string): number {
  const at = Date.parse(/^Date: (.+)$/m.exec(release)?.[1] ?? '');
  if (Number.isNaN(at)) throw new Error('a release file of the Debian archive has no date');
  return at / 1000;
}

/** Mirrors by label (Debian, Debian-Security); empty where there is no apt. */
async function aptSites(): Promise<Map<string, string>> {
  if (!Bun.which('apt-get')) return new Map();
  const format = '$(LABEL)\t$(REPO_URI)';
  const lines = await run(['apt-get', 'indextargets', '--format', format, 'Origin: Debian']);
  return new Map(
    lines.split('\n').flatMap(line => {
      const [label, uri] = line.split('\t');
      return label && uri ? [[label, uri] as const] : [];
    }),
  );
}

const passedOn = ['http::Proxy', 'https::Proxy', 'Check-Valid-Until', 'Check-Date', 'Retries'];

async function aptOptions(): Promise<string[]> {
  if (!Bun.which('apt-config')) return [];
  const lines = await run([
    'apt-config',
    'dump',
    '--no-empty',
    '--format',
    '%f "%v";%n',
    ...passedOn.map(name => `Acquire::${name}`),
  ]);
  return lines.split('\n').filter(line => line !== '');
}
