import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import type { Log, Services } from '../../ports.ts';
import { settingUp } from '../../runtime/setup.ts';
import { LocalBlobs } from './blobs.ts';
import { LocalQueue } from './queue.ts';

/** Queues and stores in one directory. */
export async function openLocalServices(config: Config, log: Log): Promise<Services> {
  const { dataDirectory: data, visibilitySeconds, maxReceives } = config;
  const advice =
    'It must be a directory on a local disk that this user can write to; what is in it must be facerec’s';
  return settingUp(`FACEREC_DATA: cannot use ${data}`, `${advice}.`, async () => {
    mkdirSync(data, { recursive: true, mode: 0o700 });
    const file = join(data, 'queue.sqlite');
    const deadLetters = 'dead-letters';
    const queues = {
      requests: new LocalQueue({ file, name: 'requests', visibilitySeconds, maxReceives, deadLetters }),
      // A lost completion costs a second of waiting and no photo, so it need not wait for the disk.
      responses: new LocalQueue({ file, name: 'responses', visibilitySeconds, durable: false }),
      deadLetters: new LocalQueue({ file, name: deadLetters, visibilitySeconds }),
    };
    const onDamaged = (object: string) => log.error('object-damaged', { object });
    const stores = {
      input: await LocalBlobs.open(join(data, 'input'), { leaveRoom: true, onDamaged }),
      output: await LocalBlobs.open(join(data, 'output'), { onDamaged }),
      gallery: await LocalBlobs.open(join(data, 'gallery'), { onDamaged }),
    };
    return {
      ...queues,
      ...stores,
      async close() {
        for (const part of [...Object.values(queues), ...Object.values(stores)]) await part.close();
      },
    };
  });
}
