/** Credentials of the instance's role, as the metadata service hands them out. */
export interface RoleCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

export interface ImdsServerOptions {
  readonly instanceId: string;
  readonly region?: string;
  /** Read anew for each request. */
  readonly tags?: () => ReadonlyMap<string, string>;
  readonly credentials?: RoleCredentials;
  readonly now?: () => number;
}

export interface ImdsServer {
  readonly url: string;
  /** Requests answered, by path. */
  readonly calls: Map<string, number>;
  /** A spot interruption notice; ms since the epoch. */
  interrupt(at: number): void;
  /** From now on old session tokens are refused with 401. */
  forgetTokens(): void;
  /** `answering`, `failing` (500 to everything) or `silent` (no answer at all). */
  mode: 'answering' | 'failing' | 'silent';
  close(): Promise<void>;
}

const TOKEN_PATH = '/latest/api/token';
const TOKEN_TTL = 'x-aws-ec2-metadata-token-ttl-seconds';
const ROLE = 'facerec-worker';

/** One instance's metadata service (IMDSv2) on a free loopback port: token, identity, tags, role credentials, spot notice. */
export function startImds(options: ImdsServerOptions): ImdsServer {
  const { instanceId, region = 'us-east-1', tags = () => new Map(), now = Date.now } = options;
  const { credentials = { accessKeyId: 'ASIATEST', secretAccessKey: 'test', sessionToken: 'test' } } =
    options;
  const sessions = new Map<string, number>();
  const calls = new Map<string, number>();
  let interruption: number | undefined;

  const metadata = (path: string): string | undefined => {
    const tag = /^tags\/instance\/(.+)$/.exec(path)?.[1];
    if (tag !== undefined) return tags().get(decodeURIComponent(tag));
    switch (path) {
      case 'instance-id':
        return instanceId;
      case 'placement/region':
        return region;
      case 'placement/availability-zone':
        return `${region}a`;
      case 'tags/instance/':
      case 'tags/instance':
        return [...tags().keys()].join('\n');
      case 'iam/security-credentials/':
        return ROLE;
      case `iam/security-credentials/${ROLE}`:
        return JSON.stringify({
          Code: 'Success',
          LastUpdated: new Date(now()).toISOString(),
          Type: 'AWS-HMAC',
          AccessKeyId: credentials.accessKeyId,
          SecretAccessKey: credentials.secretAccessKey,
          Token: credentials.sessionToken,
          Expiration: new Date(now() + 3_600_000).toISOString(),
        });
      case 'spot/instance-action':
        return interruption === undefined
          ? undefined
          : JSON.stringify({ action: 'terminate', time: new Date(interruption).toISOString() });
      case 'events/recommendations/rebalance':
        return JSON.stringify({ noticeTime: new Date(now()).toISOString() });
      default:
        return undefined;
    }
  };

  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      const path = new URL(request.url).pathname;
      calls.set(path, (calls.get(path) ?? 0) + 1);
      if (imds.mode === 'silent') return new Promise<Response>(() => {});
      if (imds.mode === 'failing') return new Response('', { status: 500 });
      if (path === TOKEN_PATH) {
        const seconds = Number(request.headers.get(TOKEN_TTL));
        if (request.method !== 'PUT') return new Response('', { status: 405 });
        if (!(seconds >= 1 && seconds <= 21_600)) return new Response('', { status: 400 });
        const token = crypto.randomUUID();
        sessions.set(token, now() + seconds * 1_000);
        return new Response(token, { headers: { [TOKEN_TTL]: String(seconds) } });
      }
      const until = sessions.get(request.headers.get('x-aws-ec2-metadata-token') ?? '') ?? 0;
      if (until <= now()) return new Response('', { status: 401 });
      const identity = JSON.stringify({ instanceId, region, accountId: '000000000000' });
      const text =
        path === '/latest/dynamic/instance-identity/document'
          ? identity
          : metadata(path.replace('/latest/meta-data/', ''));
      return text === undefined ? new Response('', { status: 404 }) : new Response(text);
    },
  });

  const imds: ImdsServer = {
    url: `http://127.0.0.1:${server.port}`,
    calls,
    mode: 'answering',
    interrupt(at) {
      interruption = at;
    },
    forgetTokens() {
      sessions.clear();
    },
    close: () => server.stop(true),
  };
  return imds;
}
