/** Adds 1 to the number in an object, N times, by compare and swap; says so on stdout after each. */
import { LocalBlobs } from '../../../../src/adapters/local/blobs.ts';

const [directory = '', times = ''] = process.argv.slice(2);
const blobs = await LocalBlobs.open(directory);

for (let done = 0; done < Number(times); ) {
  const stored = await blobs.get('counter');
  if (stored === undefined) throw new Error('no counter');
  const next = Number(Buffer.from(stored.body).toString()) + 1;
  if ((await blobs.put('counter', Buffer.from(String(next)), { ifMatch: stored.etag })) === undefined)
    continue;
  done++;
  process.stdout.write('added\n');
}
await blobs.close();
