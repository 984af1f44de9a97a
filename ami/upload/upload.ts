import { basename } from 'node:path';
import { EBSClient } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { settings } from '../../src/adapters/aws/clientSettings.ts';
import { BlockFile, examine } from './blocks.ts';
import { register, registered } from './image.ts';
import { Journal } from './journal.ts';
import type { PatienceOptions } from './patience.ts';
import { type Clients, snapshotOf } from './snapshot.ts';

export interface UploadOptions extends PatienceOptions {
  readonly clients: Clients;
  /** Of snapshot and image; default: the file's, and a piece of its digest. */
  readonly name?: string;
  readonly architecture?: 'x86_64' | 'arm64';
  /** `uefi-preferred` for images that BIOS can boot, too. */
  readonly bootMode?: 'uefi' | 'uefi-preferred';
  readonly parallel?: number;
  readonly pollMs?: number;
  /** Told what is going on, and how far the blocks have come. */
  readonly onStep?: (step: string) => void;
  readonly onProgress?: (blocks: number, of: number) => void;
}

/** Each block is half a mebibyte in memory, and a request under way. */
const PARALLEL = 32;

/** Every call is tried by us, and not by the SDK as well: see `patiently`. */
export function clientsIn(region?: string): Clients {
  const common = {
    ...settings(region === undefined ? {} : { region }, { timeoutMs: 60_000, sockets: PARALLEL }),
    maxAttempts: 1,
  };
  return { ebs: new EBSClient(common), ec2: new EC2Client(common) };
}

/**
 * Makes an Amazon machine image of a raw disk image, and resolves to its id. It may be ended at any point and called
 * again: what is done is found and not done twice, down to the blocks (by a journal beside the file). The same content
 * under the same name is the same image.
 */
export async function uploadImage(path: string, options: UploadOptions): Promise<string> {
  const {
    clients,
    architecture = 'x86_64',
    bootMode = 'uefi',
    parallel = PARALLEL,
    pollMs = 2_000,
  } = options;
  const { onStep = () => {}, onProgress = () => {} } = options;
  const file = await BlockFile.open(path);
  try {
    onStep(`reading ${path}`);
    const disk = await examine(file);
    const { digest, gibibytes, checksums } = disk;
    if (checksums.size === 0) throw new Error(`${path} holds nothing but zeros`);
    const name = options.name ?? `facerec-${basename(path).replace(/\.\w+$/, '')}-${digest.slice(0, 12)}`;
    const { ec2 } = clients;
    const image = { ...options, ec2, name, digest, gibibytes, architecture, bootMode, pollMs };
    const journal = new Journal(`${path}.upload`);
    let id = (await registered(image))?.ImageId;
    if (id === undefined) {
      onStep(`uploading ${checksums.size} of ${file.count} blocks, the others being empty`);
      const snapshot = await snapshotOf({
        ...options,
        journal,
        file,
        disk,
        name,
        parallel,
        pollMs,
        onProgress,
      });
      onStep(`registering ${snapshot} as ${name}`);
      id = await register(snapshot, image);
    }
    await journal.end();
    return id;
  } finally {
    await file.close();
  }
}
