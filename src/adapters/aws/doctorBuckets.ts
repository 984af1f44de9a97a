import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { NOBODYS_ETAG } from './conditionalWrites.ts';
import type { Probe, Remark } from './doctorVerdict.ts';
import { type BucketRole, LEASE, permissions, programsThat } from './permissions.ts';
import type { NamedBucket, NamedBuckets } from './resources.ts';

type ObjectAction = 'GetObject' | 'PutObject' | 'DeleteObject';

/** No body's, so that a server which knows no conditions refuses a put all the same. */
const nobodysMd5 = Buffer.alloc(16).toString('base64');

/** Answers that only those get who may: nothing is under the key. */
const passed: Readonly<Record<ObjectAction, Probe['passed']>> = {
  GetObject: [404],
  PutObject: [404, 409, 412, 'BadDigest', 'InvalidDigest'],
  DeleteObject: [404, 409, 412],
};

/** Actions for which S3 may refuse a call on a key that is not there, besides the call's own. */
const besides: Readonly<Record<ObjectAction, readonly string[]>> = {
  GetObject: ['s3:ListBucket'],
  PutObject: ['s3:GetObject', 's3:ListBucket'],
  DeleteObject: ['s3:GetObject', 's3:ListBucket'],
};

/**
 * Asks for each kind of key by itself, as a policy may allow one and not another.
 *
 * @param id makes keys under which nothing is
 */
export function bucketProbes(
  client: S3Client,
  buckets: NamedBuckets,
  fleet: string,
  lease = false,
  id: () => string = () => crypto.randomUUID(),
): Probe[] {
  return (['input', 'output', 'gallery'] as const).flatMap(role => {
    const { bucket, prefix = '' } = buckets[role];
    const patterns = permissions.flatMap(({ target }) =>
      'keys' in target && target.bucket === role ? [target.keys] : [],
    );
    return [
      listProbe(client, role, buckets[role]),
      ...[...new Set(patterns)].flatMap(pattern => {
        const keys = prefix + pattern.replaceAll('{fleet}', fleet);
        const object = { Bucket: bucket, Key: keys.replaceAll('*', `facerec-doctor-${id()}`) };
        const asks = objectQuestions(client, object, lease && pattern === LEASE);
        const actions = Object.keys(asks) as ObjectAction[];
        return actions.map(action => ({
          ...common(buckets[role]),
          action: `s3:${action}`,
          resource: `bucket ${bucket}, keys ${keys}`,
          programs: programsThat(
            `s3:${action}`,
            target => 'keys' in target && target.bucket === role && target.keys === pattern,
          ),
          passed: passed[action],
          besides: besides[action],
          ask: asks[action],
        }));
      }),
    ];
  });
}

function common({ bucket, variable }: NamedBucket) {
  return { service: 'S3' as const, variable, within: `bucket ${bucket}` };
}

function listProbe(client: S3Client, role: BucketRole, named: NamedBucket): Probe {
  const { bucket: Bucket, prefix: Prefix = '' } = named;
  return {
    ...common(named),
    action: 's3:ListBucket',
    resource: `bucket ${Bucket}${Prefix && `, keys ${Prefix}*`}`,
    programs: programsThat('s3:ListBucket', target => 'lists' in target && target.bucket === role),
    passed: [],
    async ask() {
      await client.send(new ListObjectsV2Command({ Bucket, Prefix, MaxKeys: 1 }));
      return [];
    },
  };
}

type ObjectName = { readonly Bucket: string; readonly Key: string };

function objectQuestions(
  client: S3Client,
  object: ObjectName,
  isLease: boolean,
): Readonly<Record<ObjectAction, Probe['ask']>> {
  return {
    async GetObject() {
      const { Body } = await client.send(new GetObjectCommand(object));
      await Body?.transformToByteArray();
      return [];
    },
    async PutObject() {
      const condition = { IfMatch: NOBODYS_ETAG, ContentMD5: nobodysMd5 };
      const { VersionId } = await client.send(
        new PutObjectCommand({ ...object, Body: Buffer.alloc(0), ...condition }),
      );
      return [unconditional(object.Key, isLease, await removed(client, { ...object, VersionId }))];
    },
    async DeleteObject() {
      // Without the condition, a bucket with versions would keep a delete marker of this.
      const { DeleteMarker, VersionId } = await client.send(
        new DeleteObjectCommand({ ...object, IfMatch: '*' }),
      );
      if (DeleteMarker && VersionId) await removed(client, { ...object, VersionId });
      return [];
    },
  };
}

function unconditional(key: string, isLease: boolean, isRemoved: boolean): Remark {
  const remains = isRemoved ? '' : ` An empty object is left behind: delete ${key}.`;
  const remedy = isLease
    ? 'and the controller does not start: use another store, or run a single controller with FACEREC_LEASE=off.'
    : 'and of two changes at the same time one may be lost.';
  return {
    ok: !isLease,
    advice: `This store takes conditional puts for plain ones (it is not S3): with it, FACEREC_LEASE cannot keep two controllers apart, ${remedy}${remains}`,
  };
}

/** Whether what a store without conditions has done is undone. */
async function removed(
  client: S3Client,
  object: ObjectName & { readonly VersionId: string | undefined },
): Promise<boolean> {
  try {
    await client.send(new DeleteObjectCommand(object));
    return true;
  } catch {
    return false;
  }
}
