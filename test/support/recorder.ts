/** A call as IAM sees it. */
export interface RecordedCall {
  /** Access key id that signed it. */
  readonly caller: string;
  /** IAM action, such as `sqs:SendMessage`. */
  readonly action: string;
  /** Name of the queue, or of the bucket; empty for EC2. */
  readonly resource: string;
  /** Key of the object, or the prefix that is listed. */
  readonly key: string;
  /** EC2's parameters. */
  readonly parameters: URLSearchParams;
}

export interface Recorder {
  /** Stands in front of a server, and passes everything on. */
  before(url: string): string;
  readonly calls: RecordedCall[];
  stop(): Promise<void>;
}

/** Listens to requests on their way to the stand-ins for SQS, S3 and EC2, of which nothing is changed. */
export function startRecorder(hostname = '127.0.0.1'): Recorder {
  const calls: RecordedCall[] = [];
  const servers: Bun.Server<undefined>[] = [];
  return {
    calls,
    before(behind) {
      const server = Bun.serve({
        port: 0,
        hostname,
        // Long polls are quiet for longer than the default.
        idleTimeout: 60,
        async fetch(request) {
          const { pathname, search } = new URL(request.url);
          const body = new Uint8Array(await request.arrayBuffer());
          calls.push(...callsIn(request, body));
          return fetch(`${behind}${pathname}${search}`, {
            method: request.method,
            headers: request.headers,
            signal: request.signal,
            ...(body.length > 0 && { body }),
          });
        },
      });
      servers.push(server);
      return server.url.origin;
    },
    async stop() {
      await Promise.all(servers.map(server => server.stop(true)));
    },
  };
}

/** Some requests need more than one permission. */
function callsIn(request: Request, body: Uint8Array): RecordedCall[] {
  const caller = /Credential=([^/]+)\//.exec(request.headers.get('authorization') ?? '')?.[1] ?? 'nobody';
  const target = request.headers.get('x-amz-target');
  const parameters = new URLSearchParams();
  if (target !== null) {
    const { QueueUrl, QueueName } = JSON.parse(new TextDecoder().decode(body));
    const resource = String(QueueName ?? String(QueueUrl).split('/').at(-1));
    const action = `sqs:${target.replace('AmazonSQS.', '').replace(/Batch$/, '')}`;
    return [{ caller, action, resource, key: '', parameters }];
  }
  if (/x-www-form-urlencoded/.test(request.headers.get('content-type') ?? ''))
    return ec2Calls(caller, new URLSearchParams(new TextDecoder().decode(body)));
  const { pathname, searchParams } = new URL(request.url);
  const [, resource = '', ...path] = pathname.split('/');
  const listed = searchParams.get('prefix');
  const action = listed === null ? (objectActions[request.method] ?? request.method) : 'ListBucket';
  const key = listed ?? decodeURIComponent(path.join('/'));
  return [{ caller, action: `s3:${action}`, resource, key, parameters }];
}

const objectActions: Readonly<Record<string, string>> = {
  GET: 'GetObject',
  PUT: 'PutObject',
  DELETE: 'DeleteObject',
};

function ec2Calls(caller: string, parameters: URLSearchParams): RecordedCall[] {
  const actions = [`ec2:${parameters.get('Action')}`];
  const names = [...parameters.keys()];
  if (parameters.get('Action') === 'RunInstances') {
    if (names.some(name => name.startsWith('TagSpecification.'))) actions.push('ec2:CreateTags');
    if (names.some(name => name.startsWith('IamInstanceProfile.'))) actions.push('iam:PassRole');
  }
  return actions.map(action => ({ caller, action, resource: '', key: '', parameters }));
}
