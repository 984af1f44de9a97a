import * as fs from 'node:fs';
import { closeSync, openSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { promisify } from 'node:util';

const fsync = promisify(fs.fsync);

/**
 * Writes a new file whose bytes are on the disk when this resolves; its name is not, before `syncDirectory`. Rejects
 * with the system's error (ENOSPC, EDQUOT, EROFS …) and then leaves no file.
 */
export async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    try {
      await handle.writeFile(bytes);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}

/** Makes the names in a directory durable: what was linked, renamed or removed there stays so after a power loss. */
export async function syncDirectory(directory: string): Promise<void> {
  // Opening a directory never waits for the disk; only the sync itself is worth a trip to another thread.
  const fd = openSync(directory, 'r');
  try {
    await fsync(fd);
  } finally {
    closeSync(fd);
  }
}
