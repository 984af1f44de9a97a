import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { BlobInfo, Blobs, CallOptions, ListOptions, PutOptions, StoredBlob } from '../../ports.ts';
import { AwsError, attemptsOf, codeOf, ForeignAnswer, statusOf } from './errors.ts';
import { checkKey, decodeListedKey } from './keys.ts';
import { Retries, type RetryOptions } from './retry.ts';

export interface S3BlobsOptions {
  readonly client: S3Client;
  readonly bucket: string;
  /** Put before every key, so that several stores share a bucket; keys get that much shorter. */
  readonly prefix?: string;
  /** The FACEREC_ variable that names the bucket, for error messages. */
  readonly variable?: string;
  /** For what the SDK does not try again: conflicting conditional puts, bodies that break off. */
  readonly retry?: RetryOptions;
}

/** A put may take this long, and another millisecond for each 500 bytes of its body. */
const putMs = 10_000;
const bytesPerMs = 500;

/** An object store in an S3 bucket. Encryption is the bucket's. Rejects with an AwsError that names it. */
export class S3Blobs implements Blobs {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #variable: string | undefined;
  readonly #retry: RetryOptions | undefined;

  constructor({ client, bucket, prefix = '', variable, retry }: S3BlobsOptions) {
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#variable = variable;
    this.#retry = retry;
  }

  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<string | undefined> {
    if (options.ifAbsent && options.ifMatch !== undefined) {
      throw new TypeError('ifAbsent and ifMatch exclude each other');
    }
    const Key = this.#key(key);
    const retries = new Retries(this.#retry);
    for (;;) {
      try {
        return await this.#put(Key, body, options);
      } catch (error) {
        if (!conditionFailed(error, options)) throw this.#error(error, 's3:PutObject', Key);
        if (isConflict(error)) {
          if (await retries.again()) continue;
          return undefined;
        }
        // The SDK tried again after a lost answer: the object that stands in the way may be this one.
        return attemptsOf(error) > 1 ? this.#etagIfSame(key, body) : undefined;
      }
    }
  }

  async get(key: string, { signal }: CallOptions = {}): Promise<StoredBlob | undefined> {
    const Key = this.#key(key);
    const retries = new Retries(this.#retry);
    for (;;) {
      try {
        return await this.#get(Key, signal);
      } catch (error) {
        if (isNoSuchKey(error)) return undefined;
        // Without a status the answer broke off in its body, which the SDK leaves to its caller.
        if (error instanceof BrokenBody && (await retries.again())) continue;
        throw this.#error(error instanceof BrokenBody ? error.cause : error, 's3:GetObject', Key);
      }
    }
  }

  async list(
    prefix: string,
    { limit = Number.POSITIVE_INFINITY, after }: ListOptions = {},
  ): Promise<BlobInfo[]> {
    const blobs: BlobInfo[] = [];
    const Prefix = this.#prefix + prefix;
    let from: { StartAfter?: string; ContinuationToken?: string } =
      after === undefined ? {} : { StartAfter: this.#prefix + after };
    while (blobs.length < limit) {
      const page = await this.#page({ Prefix, MaxKeys: Math.min(1_000, limit - blobs.length), ...from });
      blobs.push(...this.#infosOf(page));
      const token = page.IsTruncated ? page.NextContinuationToken : undefined;
      if (token === undefined) break;
      from = { ContinuationToken: token };
    }
    // S3 lists in this order; some of those that stand in for it do not.
    return blobs
      .map(info => ({ order: Buffer.from(info.key), info }))
      .sort((a, b) => Buffer.compare(a.order, b.order))
      .slice(0, limit)
      .map(({ info }) => info);
  }

  async delete(key: string): Promise<void> {
    const Key = this.#key(key);
    try {
      await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key }));
    } catch (error) {
      if (!isNoSuchKey(error)) throw this.#error(error, 's3:DeleteObject', Key);
    }
  }

  /** A body of bytes, never a stream: it can be sent again, and without TLS. */
  async #put(Key: string, body: Uint8Array, options: PutOptions): Promise<string> {
    const { contentType, ifAbsent, ifMatch, signal } = options;
    const answer = await this.#client.send(
      new PutObjectCommand({
        Bucket: this.#bucket,
        Key,
        Body: body,
        ...(contentType !== undefined && { ContentType: contentType }),
        ...(ifAbsent && { IfNoneMatch: '*' }),
        ...(ifMatch !== undefined && { IfMatch: ifMatch }),
      }),
      { requestTimeout: putMs + body.length / bytesPerMs, ...(signal && { abortSignal: signal }) },
    );
    if (!answer.ETag) throw new ForeignAnswer('the answer has no ETag', answer);
    return answer.ETag;
  }

  async #get(Key: string, signal: AbortSignal | undefined): Promise<StoredBlob> {
    const { Body, ETag, ContentLength } = await this.#client.send(
      new GetObjectCommand({ Bucket: this.#bucket, Key }),
      signal && { abortSignal: signal },
    );
    if (!Body) throw new Error('the answer has no body');
    try {
      const body = await Body.transformToByteArray();
      if (ContentLength !== undefined && body.length !== ContentLength) {
        throw new Error(`${body.length} bytes came of ${ContentLength}`);
      }
      return { body, etag: ETag ?? '' };
    } catch (error) {
      throw new BrokenBody('the body broke off', { cause: error });
    }
  }

  async #page(
    asked: Omit<ListObjectsV2CommandInput, 'Bucket'> & { readonly Prefix: string },
  ): Promise<ListObjectsV2CommandOutput> {
    try {
      const page = await this.#client.send(
        new ListObjectsV2Command({ Bucket: this.#bucket, EncodingType: 'url', ...asked }),
      );
      // The SDK finds an empty listing in any page of a web server.
      const { Name, KeyCount, IsTruncated } = page;
      if (Name === undefined && KeyCount === undefined && IsTruncated === undefined)
        throw new ForeignAnswer('the answer is no listing of a bucket', page);
      return page;
    } catch (error) {
      throw this.#error(error, 's3:ListBucket', asked.Prefix);
    }
  }

  #infosOf({ Contents = [], EncodingType }: ListObjectsV2CommandOutput): BlobInfo[] {
    return Contents.map(({ Key = '', Size = 0, LastModified }) => ({
      key: decodeListedKey(Key, EncodingType).slice(this.#prefix.length),
      size: Size,
      modifiedAt: LastModified?.getTime() ?? 0,
    }));
  }

  async #etagIfSame(key: string, body: Uint8Array): Promise<string | undefined> {
    const stored = await this.get(key);
    return stored && Buffer.compare(stored.body, body) === 0 ? stored.etag : undefined;
  }

  #key(key: string): string {
    checkKey(key);
    const full = `${this.#prefix}${key}`;
    checkKey(full);
    return full;
  }

  #error(error: unknown, action: string, key: string): AwsError {
    const resource = `bucket ${this.#bucket}, key ${JSON.stringify(tellable(key))}`;
    return new AwsError(error, { service: 'S3', action, resource, variable: this.#variable });
  }
}

/** Errors end in logs: there, a photo is told by its id, for file names say who is on it. */
function tellable(key: string): string {
  return key.replace(/^([0-9a-f-]{36}\/).+$/, '$1…');
}

/** The answer's head came, and not all of its body. */
class BrokenBody extends Error {}

/** The object is not there; a bucket that is not there has the same status. */
function isNoSuchKey(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'NoSuchKey' || (statusOf(error) === 404 && code === 'NotFound');
}

function conditionFailed(error: unknown, { ifAbsent, ifMatch }: PutOptions): boolean {
  if (ifMatch !== undefined && isNoSuchKey(error)) return true;
  return (ifAbsent || ifMatch !== undefined) && (statusOf(error) === 412 || isConflict(error));
}

/** Another conditional put of the key is under way: neither done nor refused. */
function isConflict(error: unknown): boolean {
  return statusOf(error) === 409;
}
