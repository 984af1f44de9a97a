import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { Blobs, Fleet, Lease, Log, Services } from '../ports.ts';
import { LocalBlobs } from './local/blobs.ts';
import { LocalFleet } from './local/fleet.ts';
import { LocalLease } from './local/lease.ts';
import { openLocalServices } from './local/services.ts';

/** The queues and stores of the configured backend. */
export function openServices(config: Config, log: Log): Promise<Services> {
  return openLocalServices(config, log);
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

/** Which of several controllers acts. To be opened after the services. */
export function openLease(config: Config): Lease {
  return new LocalLease(join(config.dataDirectory, 'controller.lock'));
}

/** `facerec-worker` in the directory of the running executable, or its source where this runs from source. */
function workerBesideThis(): string[] {
  const compiled = Bun.main.startsWith('/$bunfs/');
  if (compiled) return [join(process.execPath, '..', 'facerec-worker')];
  return [process.execPath, join(import.meta.dir, '..', 'worker.ts')];
}
