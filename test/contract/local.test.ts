import { join } from 'node:path';
import { LocalBlobs } from '../../src/adapters/local/blobs.ts';
import { LocalFleet } from '../../src/adapters/local/fleet.ts';
import { LocalQueue } from '../../src/adapters/local/queue.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { recordingLog } from '../unit/adapters/recordingLog.ts';
import { blobsContract } from './blobs.ts';
import { fleetContract } from './fleet.ts';
import { queueContract } from './queue.ts';

const directory = temporaryDirectory();
let made = 0;

queueContract('LocalQueue', {
  async make() {
    const file = join(directory, `queues-${made++}`);
    let time = Date.now();
    const common = { file, visibilitySeconds: 30, now: () => time };
    const queue = new LocalQueue({ ...common, name: 'plain' });
    const redriving = new LocalQueue({
      ...common,
      name: 'redriving',
      maxReceives: 3,
      deadLetters: 'dead-letters',
    });
    const deadLetters = new LocalQueue({ ...common, name: 'dead-letters' });
    return {
      queue,
      redriving,
      deadLetters,
      visibilitySeconds: 30,
      async advance(seconds) {
        time += seconds * 1_000;
      },
      async close() {
        await Promise.all([queue, redriving, deadLetters].map(each => each.close()));
      },
    };
  },
});

blobsContract('LocalBlobs', {
  async make() {
    const blobs = await LocalBlobs.open(join(directory, `blobs-${made++}`));
    return { blobs, close: () => blobs.close() };
  },
});

fleetContract('LocalFleet', {
  async make() {
    const fleet = new LocalFleet({
      command: [process.execPath, join(import.meta.dir, '../unit/adapters/children/worker.ts')],
      env: {},
      log: recordingLog(),
    });
    return { fleet, close: () => fleet.close() };
  },
});
