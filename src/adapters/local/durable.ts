import { open, rm } from 'node:fs/promises';

/**
 * Writes a new file whose bytes are on the disk when this resolves; its name is not, before `syncDirectory`. Rejects
 * with the system's error (ENOSPC, EDQUOT, EROFS …) and then leaves no file.
 */
export async function writeDurably(file: string, parts: readonly Uint8Array[]): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    try {
      for (const part of parts) await handle.writeFile(part);
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
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
