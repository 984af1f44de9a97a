import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Program } from '../../variables.ts';
import type { Probe, Remark } from './doctorVerdict.ts';

/** A bucket, the prefix under which its keys are, and the FACEREC_ variable that names it. */
export interface NamedBucket {
  readonly bucket: string;
  readonly prefix?: string;
  readonly variable: string;
}

export interface BucketsToExamine {
  readonly input: NamedBucket;
  readonly output: NamedBucket;
  readonly gallery: NamedBucket;
}

type Role = keyof BucketsToExamine;
type BucketAction = 'ListBucket' | 'GetObject' | 'PutObject' | 'DeleteObject';

/** Who does what. All need ListBucket where they read: without it, what is not there looks forbidden. */
export const bucketUses: Readonly<Record<Role, Readonly<Record<BucketAction, readonly Program[]>>>> = {
  input: {
    ListBucket: ['web', 'controller', 'worker'],
    GetObject: ['web', 'worker'],
    PutObject: ['web'],
    DeleteObject: ['web', 'controller', 'worker'],
  },
  output: {
    ListBucket: ['web', 'controller', 'worker'],
    GetObject: ['web', 'controller', 'worker'],
    PutObject: ['controller', 'worker'],
    DeleteObject: ['web', 'controller', 'worker'],
  },
  gallery: {
    ListBucket: ['web', 'controller', 'worker'],
    GetObject: ['web', 'controller', 'worker'],
    PutObject: ['web', 'controller', 'worker'],
    DeleteObject: ['controller'],
  },
};

/** The etag of no object; and no body's, so that a server which knows no conditions refuses a put all the same. */
const nobodysEtag = '"00000000000000000000000000000000"';
const nobodysMd5 = Buffer.alloc(16).toString('base64');

const passed: Readonly<Record<BucketAction, Probe['passed']>> = {
  ListBucket: [],
  GetObject: [404],
  PutObject: [404, 409, 412, 'BadDigest', 'InvalidDigest'],
  DeleteObject: [404, 409, 412],
};

/** Actions for which S3 may refuse a call on a key that is not there, besides the call's own. */
const besides: Partial<Record<BucketAction, readonly string[]>> = {
  GetObject: ['s3:ListBucket'],
  PutObject: ['s3:GetObject', 's3:ListBucket'],
  DeleteObject: ['s3:GetObject', 's3:ListBucket'],
};

/** @param id makes the key under which nothing is */
export function bucketProbes(
  client: S3Client,
  buckets: BucketsToExamine,
  id: () => string = () => crypto.randomUUID(),
): Probe[] {
  return (['input', 'output', 'gallery'] as const).flatMap(role => {
    const { bucket: Bucket, prefix = '', variable } = buckets[role];
    const Key = `${prefix}facerec-doctor-${id()}`;
    const resource = `bucket ${Bucket}${prefix && `, keys ${prefix}*`}`;
    const asks: Readonly<Record<BucketAction, Probe['ask']>> = {
      async ListBucket() {
        await client.send(new ListObjectsV2Command({ Bucket, Prefix: prefix, MaxKeys: 1 }));
        return [];
      },
      async GetObject() {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
        await Body?.transformToByteArray();
        return [];
      },
      async PutObject() {
        const condition = { IfMatch: nobodysEtag, ContentMD5: nobodysMd5 };
        const { VersionId } = await client.send(
          new PutObjectCommand({ Bucket, Key, Body: Buffer.alloc(0), ...condition }),
        );
        return [unconditional(Key, await removed(client, { Bucket, Key, VersionId }))];
      },
      async DeleteObject() {
        // Without the condition, a bucket with versions would keep a delete marker of this.
        const { DeleteMarker, VersionId } = await client.send(
          new DeleteObjectCommand({ Bucket, Key, IfMatch: '*' }),
        );
        if (DeleteMarker && VersionId) await removed(client, { Bucket, Key, VersionId });
        return [];
      },
    };
    const actions = Object.keys(asks) as BucketAction[];
    return actions.map(action => ({
      service: 'S3' as const,
      action: `s3:${action}`,
      resource,
      variable,
      programs: bucketUses[role][action],
      passed: passed[action],
      ask: asks[action],
      ...(besides[action] && { besides: besides[action] }),
    }));
  });
}

function unconditional(key: string, isRemoved: boolean): Remark {
  const remains = isRemoved ? '' : ` An empty object is left behind: delete ${key}.`;
  return {
    ok: true,
    advice: `This store takes conditional puts for plain ones (it is not S3): with it, FACEREC_LEASE cannot keep two controllers apart.${remains}`,
  };
}

/** Whether what a store without conditions has done is undone. */
async function removed(
  client: S3Client,
  object: { readonly Bucket: string; readonly Key: string; readonly VersionId: string | undefined },
): Promise<boolean> {
  try {
    await client.send(new DeleteObjectCommand(object));
    return true;
  } catch {
    return false;
  }
}
