import { statfs } from 'node:fs/promises';

const MOST_KEPT_FREE = 64 * 1024 * 1024;

/**
 * Rejects with code ENOSPC when storing `bytes` would leave less than a twentieth of the disk, 64 MiB at most, free.
 * The reserve is for those who finish work: results and the queue's log must still be written when photos are refused.
 */
export async function requireRoom(directory: string, bytes: number): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(directory);
  const reserve = Math.min(MOST_KEPT_FREE, (blocks * bsize) / 20);
  if (bavail * bsize - bytes >= reserve) return;
  const error = new Error(
    'the disk is nearly full: what is left of it is kept for finishing the work in hand',
  );
  throw Object.assign(error, { code: 'ENOSPC' });
}
