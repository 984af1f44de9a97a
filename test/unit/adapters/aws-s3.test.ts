import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { S3Client } from '@aws-sdk/client-s3';
import { S3Blobs } from '../../../src/adapters/aws/blobs.ts';
import { settings } from '../../../src/adapters/aws/clientSettings.ts';
import { s3Client } from '../../../src/adapters/aws/clients.ts';
import { AwsError } from '../../../src/adapters/aws/errors.ts';
import { clientOptions, type Fauxqs, startFauxqs } from '../../support/fauxqs.ts';
import { type Fault, faultyServer } from './aws-s3-faults.ts';

setDefaultTimeout(120_000);

let server: Fauxqs;
let made = 0;
const closing: (() => Promise<unknown> | unknown)[] = [];
beforeAll(async () => {
  server = await startFauxqs();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => server.stop());

async function newBucket(): Promise<string> {
  const bucket = `bucket-${made++}`;
  await server.bucket(bucket);
  return bucket;
}

/** What is kept of a request; Bun's own is empty once it has been answered. */
interface Seen {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
}

/** Answers S3's requests as the test says, and remembers them. */
function standIn(answer: (request: Seen, count: number) => Response): {
  readonly blobs: S3Blobs;
  readonly requests: Seen[];
} {
  const requests: Seen[] = [];
  const stand = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { method, url, headers } = request;
      const seen = { method, url: new URL(url), headers: new Headers(headers) };
      await request.arrayBuffer();
      return answer(seen, requests.push(seen));
    },
  });
  const client = s3Client(clientOptions(stand.url.origin));
  closing.push(
    () => stand.stop(true),
    () => client.destroy(),
  );
  return { blobs: new S3Blobs({ client, bucket: 'bucket', retry: { firstPauseMs: 1 } }), requests };
}

function failure(status: number, code: string): Response {
  return new Response(`<Error><Code>${code}</Code><Message>about ${code}</Message></Error>`, {
    status,
    headers: { 'content-type': 'application/xml' },
  });
}

const stored = (etag: string, body = '') => new Response(body, { headers: { etag } });
const bytes = (text: string) => new TextEncoder().encode(text);

describe('S3Blobs', () => {
  test('stores of one bucket with different prefixes do not see each other', async () => {
    const bucket = await newBucket();
    const [a, b] = ['a/', 'b/'].map(prefix => new S3Blobs({ client: server.s3, bucket, prefix }));
    const all = new S3Blobs({ client: server.s3, bucket });
    await a!.put('x/1', bytes('of a'));
    await b!.put('x/1', bytes('of b'));
    await b!.put('../a/x/2', bytes('stays'));
    expect(Buffer.from((await a!.get('x/1'))!.body).toString()).toBe('of a');
    expect((await a!.list('')).map(({ key }) => key)).toEqual(['x/1']);
    expect((await b!.list('')).map(({ key }) => key)).toEqual(['../a/x/2', 'x/1']);
    expect((await all.list('')).map(({ key }) => key)).toEqual(['a/x/1', 'b/../a/x/2', 'b/x/1']);
    expect((await b!.list('', { after: '../a/x/2' })).map(({ key }) => key)).toEqual(['x/1']);
    await a!.delete('x/1');
    expect(await b!.get('x/1')).toBeDefined();
    await expect(a!.put('k'.repeat(1_023), bytes('too long'))).rejects.toThrow(RangeError);
    await expect(a!.get('')).rejects.toThrow(RangeError);
  });

  test('lists more than a page of 1,000, and no more than the limit', async () => {
    const blobs = new S3Blobs({ client: server.s3, bucket: await newBucket() });
    const keys = Array.from({ length: 1_234 }, (_, i) => `p/${String(i).padStart(5, '0')}`);
    await Promise.all(keys.map(key => blobs.put(key, bytes(key))));
    expect((await blobs.list('p/')).map(({ key }) => key)).toEqual(keys);
    expect((await blobs.list('p/', { limit: 1_100 })).map(({ key }) => key)).toEqual(keys.slice(0, 1_100));
    expect(await blobs.list('p/', { limit: 0 })).toEqual([]);
    expect((await blobs.list('p/', { after: keys[99]! })).map(({ key }) => key)).toEqual(keys.slice(100));
  });

  test('reads keys that a listing had to encode', async () => {
    const { blobs, requests } = standIn(
      () =>
        new Response(
          '<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>' +
            '<Contents><Key>a+b%2Bc/%01%0D%F0%9F%99%82</Key><Size>3</Size><LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents>' +
            '</ListBucketResult>',
          { headers: { 'content-type': 'application/xml' } },
        ),
    );
    expect(await blobs.list('a')).toEqual([
      { key: 'a b+c/\u0001\r🙂', size: 3, modifiedAt: Date.UTC(2026, 0, 2, 3, 4, 5) },
    ]);
    expect(requests[0]?.url.searchParams.get('encoding-type')).toBe('url');
  });

  test('uses paths for buckets, sends a checksum and the whole body, and no Expect', async () => {
    const { blobs, requests } = standIn(() => stored('"e"'));
    expect(await blobs.put('k', Buffer.alloc(3_000_000), { contentType: 'image/jpeg' })).toBe('"e"');
    const [request] = requests;
    expect(request!.url.pathname).toBe('/bucket/k');
    expect(request!.headers.get('x-amz-checksum-crc32')).toBeString();
    expect(request!.headers.get('content-length')).toBe('3000000');
    expect(request!.headers.get('content-type')).toBe('image/jpeg');
    expect(request!.headers.get('expect')).toBeNull();
    expect(request!.headers.get('user-agent')).toContain('app/facerec');
  });

  test('sends no checksum where the SDK’s variable says so', async () => {
    process.env.AWS_REQUEST_CHECKSUM_CALCULATION = 'when_required';
    closing.push(() => delete process.env.AWS_REQUEST_CHECKSUM_CALCULATION);
    const { blobs, requests } = standIn(() => stored('"e"'));
    await blobs.put('k', bytes('x'));
    expect([...requests[0]!.headers.keys()].filter(name => name.includes('checksum'))).toEqual([]);
  });

  test('a conflicting conditional put is tried again', async () => {
    const { blobs, requests } = standIn((_, count) =>
      count < 3 ? failure(409, 'ConditionalRequestConflict') : stored('"e"'),
    );
    expect(await blobs.put('k', bytes('x'), { ifAbsent: true })).toBe('"e"');
    expect(requests).toHaveLength(3);
    expect(requests[2]?.headers.get('if-none-match')).toBe('*');
  });

  test('a put that conflicts each time has stored nothing', async () => {
    const { blobs, requests } = standIn(() => failure(409, 'ConditionalRequestConflict'));
    expect(await blobs.put('k', bytes('x'), { ifMatch: '"old"' })).toBeUndefined();
    expect(requests).toHaveLength(4);
    expect(requests[0]?.headers.get('if-match')).toBe('"old"');
  });

  test.each([
    ['mine', '"mine"'],
    ['another’s', undefined],
  ])('after a lost answer, an object that is %s', async (body, etag) => {
    const { blobs, requests } = standIn((request, count) => {
      if (request.method === 'GET') return stored('"mine"', body);
      return count === 1 ? failure(500, 'InternalError') : failure(412, 'PreconditionFailed');
    });
    expect(await blobs.put('k', bytes('mine'), { ifAbsent: true })).toBe(etag);
    expect(requests.map(({ method }) => method)).toEqual(['PUT', 'PUT', 'GET']);
  });

  test('a refused condition is not looked into', async () => {
    const { blobs, requests } = standIn(() => failure(412, 'PreconditionFailed'));
    expect(await blobs.put('k', bytes('mine'), { ifAbsent: true })).toBeUndefined();
    expect(requests).toHaveLength(1);
  });

  test('a missing bucket is no missing object', async () => {
    const blobs = new S3Blobs({ client: server.s3, bucket: 'nowhere', variable: 'FACEREC_PHOTOS' });
    const put = blobs.put('k', bytes('x'), { ifMatch: '"e"' });
    for (const call of [blobs.get('k'), blobs.list(''), put]) {
      const error = await call.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(AwsError);
      expect((error as AwsError).kind).toBe('missing');
      expect((error as AwsError).message).toContain('bucket nowhere');
      expect((error as AwsError).message).toContain('(FACEREC_PHOTOS) does not exist');
    }
  });

  test('ifAbsent and ifMatch exclude each other', async () => {
    const blobs = new S3Blobs({ client: server.s3, bucket: await newBucket() });
    await expect(blobs.put('k', bytes('x'), { ifAbsent: true, ifMatch: '"e"' })).rejects.toThrow(TypeError);
  });
});

describe('S3Blobs when the connection fails', () => {
  const body = Buffer.alloc(20_000, 'photo');

  async function throughFaults(next: (request: number) => Fault, timeoutMs?: number) {
    const bucket = await newBucket();
    await new S3Blobs({ client: server.s3, bucket }).put('k', body);
    const faulty = await faultyServer(server.url, next);
    const client =
      timeoutMs === undefined
        ? s3Client(clientOptions(faulty.url))
        : new S3Client({
            ...settings(clientOptions(faulty.url), { timeoutMs, sockets: 50 }),
            forcePathStyle: true,
          });
    closing.push(
      () => client.destroy(),
      () => faulty.stop(),
    );
    return { blobs: new S3Blobs({ client, bucket, retry: { firstPauseMs: 10 } }), faulty };
  }

  test.each(['500', '503', 'cut before', 'cut within'] as const)('survives one time: %s', async fault => {
    const { blobs } = await throughFaults(request => (request === 0 ? fault : 'none'));
    expect(Buffer.compare((await blobs.get('k'))!.body, body)).toBe(0);
  });

  test('gives a body up that never ends, and tries again', async () => {
    const { blobs } = await throughFaults(request => (request === 0 ? 'stall within' : 'none'), 500);
    expect(Buffer.compare((await blobs.get('k'))!.body, body)).toBe(0);
  });

  test('a body that always breaks off rejects in the end', async () => {
    const { blobs, faulty } = await throughFaults(() => 'cut within');
    await expect(blobs.get('k')).rejects.toMatchObject({ name: 'AwsError', kind: 'network' });
    expect(faulty.requests.count).toBe(4);
  });

  test('1,000 gets, a fifth of them disturbed, leave no sockets behind', async () => {
    const faults: readonly Fault[] = ['500', '503', 'cut before', 'cut within'];
    let disturbed = true;
    const { blobs, faulty } = await throughFaults(request =>
      disturbed && request % 5 === 0 ? faults[(request / 5) % faults.length]! : 'none',
    );
    let wrong = 0;
    let failed = 0;
    let left = 1_000;
    const getter = async (): Promise<void> => {
      while (left-- > 0) {
        try {
          if (Buffer.compare((await blobs.get('k'))!.body, body) !== 0) wrong++;
        } catch {
          failed++;
        }
      }
    };
    await Promise.all(Array.from({ length: 60 }, getter));
    disturbed = false;
    expect(wrong).toBe(0);
    // The SDK stops trying again when very many calls fail at once.
    expect(failed).toBeLessThan(100);
    // The pool has 100; a connection that was cut may still be closing while its successor opens.
    expect(faulty.sockets.most).toBeLessThanOrEqual(150);
    expect(faulty.sockets.now).toBeLessThanOrEqual(110);
    const after = await Promise.all(Array.from({ length: 200 }, () => blobs.get('k')));
    expect(after.every(each => each && Buffer.compare(each.body, body) === 0)).toBe(true);
  });
});
