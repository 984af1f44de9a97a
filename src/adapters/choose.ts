import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { Blobs, Fleet, Log, Services } from '../ports.ts';
import { LocalBlobs } from './local/blobs.ts';
import { LocalFleet } from './local/fleet.ts';
import { LocalQueue } from './local/queue.ts';

/** The queues and stores of the configured backend. */
export async function openServices(config: Config): Promise<Services> {
  const { dataDirectory: data, visibilitySeconds, maxReceives } = config;
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const file = join(data, 'queue.sqlite');
  const deadLetters = 'dead-letters';
  const queues = {
    requests: new LocalQueue({ file, name: 'requests', visibilitySeconds, maxReceives, deadLetters }),
    // A lost completion costs a second of waiting and no photo, so it need not wait for the disk.
    responses: new LocalQueue({ file, name: 'responses', visibilitySeconds, durable: false }),
    deadLetters: new LocalQueue({ file, name: deadLetters, visibilitySeconds }),
  };
  const stores = {
    input: await LocalBlobs.open(join(data, 'input'), { leaveRoom: true }),
    output: await LocalBlobs.open(join(data, 'output')),
    gallery: await LocalBlobs.open(join(data, 'gallery')),
  };
  return {
    ...queues,
    ...stores,
    async close() {
      for (const part of [...Object.values(queues), ...Object.values(stores)]) await part.close();
    },
  };
}

/** The store of people and embeddings alone, for work on files. */
export async function openGallery(config: Config): Promise<Blobs> {
  return LocalBlobs.open(join(config.dataDirectory, 'gallery'));
}

/** The controller's fleet: worker processes of this machine. */
export function openFleet(config: Config, log: Log): Fleet {
  const env = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  return new LocalFleet({ command: config.workerCommand ?? workerBesideThis(), env, log });
}

/** `facerec-worker` in the directory of the running executable, or its source where this runs from source. */
function workerBesideThis(): string[] {
  const compiled = Bun.main.startsWith('/$bunfs/');
  if (compiled) return [join(process.execPath, '..', 'facerec-worker')];
  return [process.execPath, join(import.meta.dir, '..', 'worker.ts')];
}
