import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Query } from '../../support/ec2/query.ts';
import { answerXml, Ec2Error, errorXml, type Xml } from '../../support/ec2/xml.ts';

const BLOCK_BYTES = 524_288;

export interface Snapshot {
  readonly id: string;
  readonly gibibytes: number;
  readonly tags: ReadonlyMap<string, string>;
  readonly startedAt: number;
  readonly blocks: Map<number, Buffer>;
  state: 'pending' | 'completed' | 'error';
  /** EC2 still says `pending` this often. */
  looks: number;
}

export interface RegisteredImage {
  readonly id: string;
  readonly name: string;
  readonly query: Query;
  looks: number;
}

export type Operation =
  | 'StartSnapshot'
  | 'PutSnapshotBlock'
  | 'CompleteSnapshot'
  | 'DescribeSnapshots'
  | 'DescribeImages'
  | 'RegisterImage';

/** What happens to a request instead of, or after, what it asks for. */
export type Fault =
  | { readonly kind: 'error'; readonly status: number; readonly code: string; readonly message?: string }
  | { readonly kind: 'lost-request' }
  | { readonly kind: 'lost-reply' }
  /** The connection is cut when half of the body has come. */
  | { readonly kind: 'cut-body' }
  /** The answer speaks of another checksum. */
  | { readonly kind: 'other-checksum' }
  /** It waits for the gate first. */
  | { readonly kind: 'hold' };

/**
 * Accounts' snapshots and images over the real protocols: the REST of the EBS direct APIs, and EC2's query protocol, on one
 * loopback port. It checks what EBS checks: sizes, indexes, checksums of blocks and of the whole, that checksums are signed,
 * states, client tokens. Known gaps: signatures themselves, quotas, encryption, deletion.
 */
export class Ebs {
  readonly snapshots = new Map<string, Snapshot>();
  readonly images = new Map<string, RegisteredImage>();
  /** Every request that arrived, done or not. */
  readonly requests: { readonly operation: Operation; readonly block?: number }[] = [];
  /** Decides about each request. */
  fault: (operation: Operation, block?: number) => Fault | undefined = () => undefined;
  gate: Promise<void> = Promise.resolve();
  readonly #tokens = new Map<string, { readonly request: string; readonly id: string }>();
  #serial = 0;

  count(operation: Operation): number {
    return this.requests.filter(each => each.operation === operation).length;
  }

  /** As a deleted or cancelled one: EC2 does not list it, and the token still leads to it. */
  forget(id: string): void {
    this.snapshots.delete(id);
  }

  readonly #started = new Map<string, Snapshot>();

  start(body: string): { status: number; answer: object } {
    const { ClientToken, ...request } = JSON.parse(body) as Record<string, unknown>;
    const token = String(ClientToken);
    if (!/^[\x21-\x7e]{1,64}$/.test(token)) throw new EbsError(400, 'ValidationException', 'ClientToken');
    const said = JSON.stringify(request);
    const used = this.#tokens.get(token);
    if (used && used.request !== said)
      throw new EbsError(409, 'ConflictException', 'The client token was used with other parameters');
    const snapshot = used ? this.#started.get(used.id)! : this.#new(request);
    this.#tokens.set(token, { request: said, id: snapshot.id });
    return {
      status: 201,
      answer: {
        SnapshotId: snapshot.id,
        BlockSize: BLOCK_BYTES,
        VolumeSize: snapshot.gibibytes,
        StartTime: snapshot.startedAt / 1_000,
        Status: 'pending',
        OwnerId: '123456789012',
      },
    };
  }

  #new({ VolumeSize, Tags = [] }: Record<string, unknown>): Snapshot {
    const id = `snap-${String(this.#serial++).padStart(17, '0')}`;
    const tags = (Tags as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value] as const);
    const snapshot: Snapshot = {
      id,
      gibibytes: Number(VolumeSize),
      tags: new Map(tags),
      startedAt: Date.now(),
      blocks: new Map(),
      state: 'pending',
      looks: 0,
    };
    this.snapshots.set(id, snapshot);
    this.#started.set(id, snapshot);
    return snapshot;
  }

  writable(id: string): Snapshot {
    const snapshot = this.snapshots.get(id);
    if (snapshot === undefined)
      throw new EbsError(404, 'ResourceNotFoundException', `The snapshot '${id}' does not exist.`);
    if (snapshot.state !== 'pending' || snapshot.looks > 0)
      throw new EbsError(400, 'ValidationException', 'The snapshot is not in a pending state');
    return snapshot;
  }

  put(
    id: string,
    index: number,
    headers: Headers,
    body: Buffer,
  ): { status: number; headers: Record<string, string> } {
    const checksum = headers.get('x-amz-checksum') ?? '';
    const snapshot = this.writable(id);
    const refuse = (why: string) => new EbsError(400, 'ValidationException', why);
    if (Number(headers.get('x-amz-data-length')) !== BLOCK_BYTES || body.length !== BLOCK_BYTES)
      throw refuse(`blocks are ${BLOCK_BYTES} bytes, not ${body.length}`);
    if (index >= snapshot.gibibytes * 2_048) throw refuse('the block lies beyond the volume');
    if (headers.get('x-amz-checksum-algorithm') !== 'SHA256') throw refuse('SHA256 checksums only');
    if (!/SignedHeaders=[^,]*x-amz-checksum;/.test(headers.get('authorization') ?? ''))
      throw refuse('the checksum is to be signed');
    if (sha256(body) !== checksum) throw refuse('the checksum is not the data’s');
    snapshot.blocks.set(index, body);
    return { status: 201, headers: { 'x-amz-checksum': checksum, 'x-amz-checksum-algorithm': 'SHA256' } };
  }

  complete(id: string, headers: Headers): { status: number; answer: object } {
    const snapshot = this.writable(id);
    const { blocks } = snapshot;
    if (Number(headers.get('x-amz-changedblockscount')) !== blocks.size)
      throw new EbsError(400, 'ValidationException', `${blocks.size} blocks were written`);
    const whole = createHash('sha256');
    for (const [, block] of [...blocks].sort(([a], [b]) => a - b))
      whole.update(Buffer.from(sha256(block), 'base64'));
    if (
      headers.get('x-amz-checksum-aggregation-method') !== 'LINEAR' ||
      headers.get('x-amz-checksum') !== whole.digest('base64')
    )
      throw new EbsError(400, 'ValidationException', 'the checksum is not that of all blocks');
    snapshot.looks = 2;
    return { status: 202, answer: { Status: 'pending' } };
  }

  describeSnapshots(query: Query): Xml {
    return {
      snapshotSet: query.list('SnapshotId').map(id => {
        const snapshot = this.snapshots.get(id);
        if (snapshot === undefined)
          throw new Ec2Error('InvalidSnapshot.NotFound', `The snapshot '${id}' does not exist.`);
        if (snapshot.looks > 0 && --snapshot.looks === 0) snapshot.state = 'completed';
        return { snapshotId: id, status: snapshot.state, volumeSize: snapshot.gibibytes };
      }),
    };
  }

  describeImages(query: Query): Xml {
    const names = query.filters().find(({ name }) => name === 'name')?.values ?? [];
    const found = [...this.images.values()].filter(({ name }) => names.includes(name));
    return {
      imagesSet: found.map(image => ({
        imageId: image.id,
        name: image.name,
        imageState: image.looks-- > 0 ? 'pending' : 'available',
        tagSet: image.query.tags('TagSpecification.1.Tag').map(([key, value]) => ({ key, value })),
      })),
    };
  }

  registerImage(query: Query): Xml {
    const name = query.get('Name') ?? '';
    if ([...this.images.values()].some(image => image.name === name))
      throw new Ec2Error('InvalidAMIName.Duplicate', `AMI name ${name} is already in use by AMI ami-…`);
    const snapshot = this.snapshots.get(query.get('BlockDeviceMapping.1.Ebs.SnapshotId') ?? '');
    if (snapshot?.state !== 'completed')
      throw new Ec2Error('InvalidSnapshot.NotFound', 'The snapshot is not there, or not complete');
    const id = `ami-${String(this.#serial++).padStart(17, '0')}`;
    this.images.set(id, { id, name, query, looks: 1 });
    return { imageId: id };
  }
}

class EbsError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface EbsServer {
  readonly ebs: Ebs;
  readonly url: string;
  close(): Promise<void>;
}

export async function startEbs(port = 0, ebs = new Ebs()): Promise<EbsServer> {
  const server = createServer((request, response) => {
    serve(ebs, request, response).catch(() => response.socket?.destroy());
  });
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  return {
    ebs,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

async function serve(ebs: Ebs, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url = '' } = request;
  const path = url.split('?')[0]!;
  const [, id = '', blockText = ''] = /^\/snapshots\/(snap-\w+)\/blocks\/(\d+)$/.exec(path) ?? [];
  const completed = /^\/snapshots\/completion\/(snap-\w+)$/.exec(path)?.[1];
  const headers = new Headers(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const isEc2 = method === 'POST' && path === '/';
  const early = id ? ebs.fault('PutSnapshotBlock', Number(blockText)) : undefined;
  if (early?.kind === 'cut-body') {
    ebs.requests.push({ operation: 'PutSnapshotBlock', block: Number(blockText) });
    let seen = 0;
    for await (const chunk of request) {
      seen += Buffer.from(chunk).length;
      if (seen > BLOCK_BYTES / 2) break;
    }
    request.socket.destroy();
    return;
  }
  const body = await bodyOf(request);
  const query = new Query(new URLSearchParams(isEc2 ? body.toString() : ''));
  const operation: Operation = isEc2
    ? (query.action as Operation)
    : id
      ? 'PutSnapshotBlock'
      : completed
        ? 'CompleteSnapshot'
        : 'StartSnapshot';
  const block = id ? Number(blockText) : undefined;
  ebs.requests.push({ operation, ...(block !== undefined && { block }) });
  const fault = id ? early : ebs.fault(operation);
  if (fault?.kind === 'lost-request') return void request.socket.destroy();
  if (fault?.kind === 'hold') await ebs.gate;
  const send = (status: number, more: Record<string, string>, text: string) => {
    if (fault?.kind === 'lost-reply') return request.socket.destroy();
    return response.writeHead(status, more).end(text);
  };
  try {
    if (fault?.kind === 'error') {
      if (isEc2) throw new Ec2Error(fault.code, fault.message ?? fault.code, fault.status);
      throw new EbsError(fault.status, fault.code, fault.message ?? fault.code);
    }
    if (isEc2) {
      const actions: Readonly<Record<string, (query: Query) => Xml>> = {
        DescribeSnapshots: asked => ebs.describeSnapshots(asked),
        DescribeImages: asked => ebs.describeImages(asked),
        RegisterImage: asked => ebs.registerImage(asked),
      };
      const action = actions[query.action];
      if (!action) throw new Ec2Error('InvalidAction', `The action ${query.action} is not valid`);
      send(200, { 'content-type': 'text/xml;charset=UTF-8' }, answerXml(query.action, action(query)));
    } else if (id && method === 'PUT') {
      const { status, headers: said } = ebs.put(id, block!, headers, body);
      const other = { 'x-amz-checksum': sha256(Buffer.from('other')) };
      send(status, { ...said, ...(fault?.kind === 'other-checksum' && other) }, '{}');
    } else if (completed && method === 'POST') {
      const { status, answer } = ebs.complete(completed, headers);
      send(status, { 'content-type': 'application/json' }, JSON.stringify(answer));
    } else if (method === 'POST' && path === '/snapshots') {
      const { status, answer } = ebs.start(body.toString());
      send(status, { 'content-type': 'application/json' }, JSON.stringify(answer));
    } else throw new EbsError(400, 'ValidationException', `${method} ${path}`);
  } catch (error) {
    if (error instanceof Ec2Error)
      send(error.status, { 'content-type': 'text/xml' }, errorXml(error.code, error.message));
    else if (error instanceof EbsError)
      send(
        error.status,
        { 'content-type': 'application/json', 'x-amzn-errortype': error.code },
        JSON.stringify({ Message: error.message }),
      );
    else throw error;
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64');
}
