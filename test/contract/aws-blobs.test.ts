import { afterAll, beforeAll, setDefaultTimeout } from 'bun:test';
import { S3Blobs } from '../../src/adapters/aws/blobs.ts';
import { type Fauxqs, startFauxqs } from '../support/fauxqs.ts';
import { blobsContract } from './blobs.ts';

setDefaultTimeout(60_000);

let server: Fauxqs;
let made = 0;
beforeAll(async () => {
  server = await startFauxqs();
});
afterAll(() => server.stop());

blobsContract('S3Blobs', {
  async make() {
    const bucket = `bucket-${made++}`;
    await server.bucket(bucket);
    return { blobs: new S3Blobs({ client: server.s3, bucket }), close: async () => {} };
  },
});
