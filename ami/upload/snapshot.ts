import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CompleteSnapshotCommand,
  type EBSClient,
  PutSnapshotBlockCommand,
  StartSnapshotCommand,
} from '@aws-sdk/client-ebs';
import { DescribeSnapshotsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { aggregate, BLOCK_BYTES, type BlockFile, checksumOf, type Disk } from './blocks.ts';
import type { Journal } from './journal.ts';
import { type PatienceOptions, patiently } from './patience.ts';

export interface Clients {
  readonly ebs: EBSClient;
  readonly ec2: EC2Client;
}

export interface SnapshotOptions extends PatienceOptions {
  readonly clients: Clients;
  readonly journal: Journal;
  readonly file: BlockFile;
  readonly disk: Disk;
  readonly name: string;
  /** Blocks under way at once. */
  readonly parallel: number;
  /** Between two looks at what EBS does on its own, ms. */
  readonly pollMs: number;
  readonly onProgress: (blocks: number, of: number) => void;
}

/** On snapshot and image: the digest of what is in them. */
export const CONTENT_TAG = 'facerec-image';
/** EBS gives a snapshot up when nothing is written to it for this long; a rerun within it goes on. */
const TIMEOUT_MINUTES = 24 * 60;
/** EC2 may not know a snapshot younger than this; an older one that it does not know has been deleted. */
const YOUNG_MS = 600_000;
const MOST_GENERATIONS = 50;
const LONGEST_MS = 3_600_000;
/** A refused completion may have been done by a request before it; that shows within this many looks. */
const LOOKS_AFTER_REFUSAL = 5;

type State = 'writable' | 'complete' | 'gone';

/** A complete snapshot with the blocks of the file, made now, or the one that an earlier call with the same content began or made. */
export async function snapshotOf(options: SnapshotOptions): Promise<string> {
  const { clients, disk, journal } = options;
  const { id, state } = await begin(options);
  if (state === 'complete') return id;
  const region = await clients.ebs.config.region();
  const there = await journal.begin(id, disk.digest, region);
  await putAll(id, there, options);
  await complete(id, options);
  return id;
}

/**
 * The same content asks with the same client tokens, so a rerun finds its snapshot without remembering it. A token whose
 * snapshot was given up or deleted is used up, and the next one is taken.
 */
async function begin(options: SnapshotOptions): Promise<{ id: string; state: State }> {
  const { clients, disk, name } = options;
  const request = {
    VolumeSize: disk.gibibytes,
    Description: name,
    Timeout: TIMEOUT_MINUTES,
    Tags: [
      { Key: 'Name', Value: name },
      { Key: CONTENT_TAG, Value: disk.digest },
    ],
  };
  for (let generation = 0; generation < MOST_GENERATIONS; generation++) {
    const key = JSON.stringify([request, generation]);
    const ClientToken = createHash('sha256').update(key).digest('hex');
    const command = new StartSnapshotCommand({ ...request, ClientToken });
    const { SnapshotId, BlockSize, StartTime } = await patiently(() => clients.ebs.send(command), options);
    if (SnapshotId === undefined) throw new Error('EBS started a snapshot without an id');
    if (BlockSize !== BLOCK_BYTES)
      throw new Error(`EBS wants blocks of ${BlockSize} bytes, not ${BLOCK_BYTES}`);
    const age = Date.now() - (StartTime?.getTime() ?? 0);
    const state = (await stateOf(SnapshotId, options)) ?? (age < YOUNG_MS ? 'writable' : 'gone');
    if (state !== 'gone') return { id: SnapshotId, state };
  }
  throw new Error(`${MOST_GENERATIONS} snapshots of this image were begun and lost: give it another --name`);
}

/** undefined when EC2 does not know it. */
async function stateOf(id: string, options: SnapshotOptions): Promise<State | undefined> {
  try {
    const command = new DescribeSnapshotsCommand({ SnapshotIds: [id] });
    const { Snapshots: [found] = [] } = await patiently(() => options.clients.ec2.send(command), options);
    if (found?.State === 'completed') return 'complete';
    return found && (found.State === 'error' ? 'gone' : 'writable');
  } catch (error) {
    if (error instanceof Error && error.name === 'InvalidSnapshot.NotFound') return undefined;
    throw error;
  }
}

/** Puts what is not there yet. The first failure ends it all. */
async function putAll(id: string, there: ReadonlySet<number>, options: SnapshotOptions): Promise<void> {
  const { disk, journal, parallel, onProgress } = options;
  const missing = [...disk.checksums.keys()].filter(index => !there.has(index));
  const total = disk.checksums.size;
  let done = total - missing.length;
  let failed = false;
  onProgress(done, total);
  const next = missing.values();
  const lane = async () => {
    for (const index of next) {
      if (failed) return;
      await put(id, index, options);
      await journal.done(index);
      onProgress(++done, total);
    }
  };
  const lanes = Array.from({ length: parallel }, () =>
    lane().catch(error => {
      failed = true;
      throw error;
    }),
  );
  const failures = (await Promise.allSettled(lanes)).filter(({ status }) => status === 'rejected');
  if (failures[0]) throw (failures[0] as PromiseRejectedResult).reason;
}

async function put(SnapshotId: string, BlockIndex: number, options: SnapshotOptions): Promise<void> {
  const { clients, file, disk } = options;
  const BlockData = await file.read(BlockIndex);
  const Checksum = checksumOf(BlockData);
  if (Checksum !== disk.checksums.get(BlockIndex))
    throw new Error(
      `block ${BlockIndex} of the image changed during the upload: upload it again when it is finished`,
    );
  const block = { SnapshotId, BlockIndex, BlockData, DataLength: BLOCK_BYTES, Checksum };
  const command = () => new PutSnapshotBlockCommand({ ...block, ChecksumAlgorithm: 'SHA256' });
  const answer = await patiently(() => clients.ebs.send(command()), options);
  if (answer.Checksum !== Checksum)
    throw new Error(
      `EBS took block ${BlockIndex} with the checksum ${answer.Checksum}, and it is ${Checksum}`,
    );
}

async function complete(SnapshotId: string, options: SnapshotOptions): Promise<void> {
  const { clients, disk, pollMs } = options;
  const command = new CompleteSnapshotCommand({
    SnapshotId,
    ChangedBlocksCount: disk.checksums.size,
    Checksum: aggregate(disk.checksums),
    ChecksumAlgorithm: 'SHA256',
    ChecksumAggregationMethod: 'LINEAR',
  });
  let refused: unknown;
  try {
    await patiently(() => clients.ebs.send(command), options);
  } catch (error) {
    refused = error;
  }
  const end = performance.now() + LONGEST_MS;
  for (let looks = 1; ; looks++) {
    const state = await stateOf(SnapshotId, options);
    if (state === 'complete') return;
    if (state === 'gone') throw refused ?? new Error(`EBS gave ${SnapshotId} up: upload it again`);
    if (refused && looks >= LOOKS_AFTER_REFUSAL) throw refused;
    if (performance.now() > end) throw new Error(`${SnapshotId} is not complete yet: run this again later`);
    await sleep(pollMs);
  }
}
