import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

/** The one size that EBS takes, bytes. */
export const BLOCK_BYTES = 524_288;
const GIB = 1_073_741_824;
const zeros = Buffer.alloc(BLOCK_BYTES);

/** A disk image on this machine, as EBS sees it. */
export interface Disk {
  /** Size of a volume that holds it, GiB. */
  readonly gibibytes: number;
  /** SHA-256 of each block that is not all zeros, in base64, by its index, ascending; a last partial block filled with zeros. */
  readonly checksums: ReadonlyMap<number, string>;
  /** SHA-256 over size and blocks, 64 hexadecimal digits: two images with the same one are the same. */
  readonly digest: string;
}

/** Blocks of a file at the indexes asked for. */
export class BlockFile {
  readonly #file: FileHandle;
  readonly bytes: number;

  private constructor(file: FileHandle, bytes: number) {
    this.#file = file;
    this.bytes = bytes;
  }

  /** Rejects as `open` does, and when it is empty. */
  static async open(path: string): Promise<BlockFile> {
    const file = await open(path, 'r');
    const { size } = await file.stat();
    if (size > 0) return new BlockFile(file, size);
    await file.close();
    throw new Error(`${path} is empty`);
  }

  get count(): number {
    return Math.ceil(this.bytes / BLOCK_BYTES);
  }

  async read(index: number): Promise<Buffer> {
    const block = Buffer.alloc(BLOCK_BYTES);
    for (let at = 0; at < BLOCK_BYTES; ) {
      const { bytesRead } = await this.#file.read(block, at, BLOCK_BYTES - at, index * BLOCK_BYTES + at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return block;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Reads all of it. */
export async function examine(file: BlockFile): Promise<Disk> {
  const gibibytes = Math.ceil(file.bytes / GIB);
  const checksums = new Map<number, string>();
  for (let index = 0; index < file.count; index++) {
    const block = await file.read(index);
    if (!block.equals(zeros)) checksums.set(index, checksumOf(block));
  }
  const digest = createHash('sha256')
    .update(JSON.stringify([gibibytes, ...checksums]))
    .digest('hex');
  return { gibibytes, checksums, digest };
}

export function checksumOf(block: Uint8Array): string {
  return createHash('sha256').update(block).digest('base64');
}

/** EBS's `LINEAR` aggregation: the SHA-256 over the blocks' own, in the order of their indexes. */
export function aggregate(checksums: ReadonlyMap<number, string>): string {
  const hash = createHash('sha256');
  for (const checksum of checksums.values()) hash.update(Buffer.from(checksum, 'base64'));
  return hash.digest('base64');
}
