/** Overwrites one object again and again, each time with 300,000 equal bytes, until it is killed. */
import { LocalBlobs } from '../../../../src/adapters/local/blobs.ts';

const blobs = await LocalBlobs.open(process.argv[2] ?? '');
process.stdout.write('ready\n');
for (let round = 0; ; round++) await blobs.put('photo', Buffer.alloc(300_000, 1 + (round % 250)));
