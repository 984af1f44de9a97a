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
  /** What the instance was given at its launch. */
  readonly userData?: string;
  /** Of its network interface. */
  readonly mac?: string;
  /** Default: a free port of loopback. */
  readonly address?: { readonly hostname: string; readonly port: number };
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
  const { instanceId, region = 'us-east-1', tags = () => new Map(), now = Date.now, userData } = options;
  const { mac = '0e:00:00:00:00:01', address = { hostname: '127.0.0.1', port: 0 } } = options;
  const { credentials = { accessKeyId: 'ASIATEST', secretAccessKey: 'test', sessionToken: 'test' } } =
    options;
  const sessions = new Map<string, number>();
  const calls = new Map<string, number>();
  let interruption: number | undefined;

  const credentialsJson = () =>
    JSON.stringify({
      Code: 'Success',
      LastUpdated: new Date(now()).toISOString(),
      Type: 'AWS-HMAC',
      AccessKeyId: credentials.accessKeyId,
      SecretAccessKey: credentials.secretAccessKey,
      Token: credentials.sessionToken,
      Expiration: new Date(now() + 3_600_000).toISOString(),
    });
  const metadata = (): Tree => ({
    'ami-id': 'ami-0123456789abcdef0',
    'instance-id': instanceId,
    'instance-type': 't3.micro',
    mac,
    placement: { region, 'availability-zone': `${region}a` },
    tags: { instance: Object.fromEntries(tags()) },
    iam: { 'security-credentials': { [ROLE]: credentialsJson() } },
    network: { interfaces: { macs: { [mac]: { 'device-number': '0', mac } } } },
    ...(interruption !== undefined && {
      spot: {
        'instance-action': JSON.stringify({
          action: 'terminate',
          time: new Date(interruption).toISOString(),
        }),
      },
    }),
    events: {
      recommendations: { rebalance: JSON.stringify({ noticeTime: new Date(now()).toISOString() }) },
    },
  });
  const all = (): Tree => ({
    'meta-data': metadata(),
    ...(userData !== undefined && { 'user-data': userData }),
    dynamic: {
      'instance-identity': { document: JSON.stringify({ instanceId, region, accountId: '000000000000' }) },
    },
  });

  const server = Bun.serve({
    ...address,
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
      const text = read(all(), path);
      return text === undefined ? new Response('', { status: 404 }) : new Response(text);
    },
  });

  const imds: ImdsServer = {
    url: `http://${address.hostname}:${server.port}`,
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

interface Tree {
  readonly [name: string]: string | Tree;
}

/** What lies at `/<version>/<path>`: a text, or the names in a directory, those of directories with a slash. */
function read(tree: Tree, path: string): string | undefined {
  const [, version = '', ...names] = path.split('/');
  if (!/^(latest|\d{4}-\d\d-\d\d)$/.test(version)) return undefined;
  let here: string | Tree | undefined = tree;
  for (const name of names.filter(name => name !== '').map(decodeURIComponent)) {
    if (here === undefined || typeof here === 'string') return undefined;
    here = here[name];
  }
  if (here === undefined || typeof here === 'string') return here;
  return Object.entries(here)
    .map(([name, inside]) => (typeof inside === 'string' ? name : `${name}/`))
    .join('\n');
}
