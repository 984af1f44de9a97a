import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { S3Blobs } from '../../../src/adapters/aws/blobs.ts';
import { s3Client } from '../../../src/adapters/aws/clients.ts';
import { conditionsKey, mustHonourConditions } from '../../../src/adapters/aws/conditionalWrites.ts';
import { AwsError } from '../../../src/adapters/aws/errors.ts';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import type { Blobs } from '../../../src/ports.ts';
import { SetupError } from '../../../src/runtime/setup.ts';
import { clientOptions } from '../../support/fauxqs.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { wrapBlobs } from '../../support/wrap.ts';

const store = () => LocalBlobs.open(join(temporaryDirectory(), 'out'));
const examined = (blobs: Blobs) => mustHonourConditions(blobs, 'f', 'FACEREC_OUTPUT_BUCKET');

test('a store that honours conditions passes, again and again, also several at once', async () => {
  const blobs = await store();
  await examined(blobs);
  await examined(blobs);
  await Promise.all([1, 2, 3].map(() => examined(blobs)));
  expect((await blobs.list('')).map(({ key }) => key)).toEqual([conditionsKey('f')]);
});

test.each([[['ifAbsent']], [['ifMatch']], [['ifAbsent', 'ifMatch']]])(
  'a store that ignores %p is refused, with the variable and what to do',
  async ignored => {
    const blobs = await store();
    const careless = wrapBlobs(blobs, {
      put: (key, body, options = {}) => {
        const kept = Object.entries(options).filter(([name]) => !ignored.includes(name));
        return blobs.put(key, body, Object.fromEntries(kept));
      },
    });
    for (const _ of [1, 2]) {
      const failure = await examined(careless).catch(error => error);
      expect(failure).toBeInstanceOf(SetupError);
      for (const word of ['FACEREC_OUTPUT_BUCKET', 'FACEREC_LEASE=off', 'another store'])
        expect(failure.message).toContain(word);
    }
  },
);

test.each([
  [501, 'NotImplemented', SetupError],
  [403, 'AccessDenied', AwsError],
] as const)('a store that answers %p %p', async (status, code, kind) => {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => new Response(`<Error><Code>${code}</Code></Error>`, { status }),
  });
  const client = s3Client(clientOptions(server.url.origin));
  await expect(examined(new S3Blobs({ client, bucket: 'results' }))).rejects.toBeInstanceOf(kind);
  await server.stop(true);
});
