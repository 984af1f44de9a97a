export interface PhotoFormat {
  readonly contentType: 'image/jpeg' | 'image/png' | 'image/webp';
  readonly extension: 'jpg' | 'png' | 'webp';
}

const jpeg = { contentType: 'image/jpeg', extension: 'jpg' } as const;
const png = { contentType: 'image/png', extension: 'png' } as const;
const webp = { contentType: 'image/webp', extension: 'webp' } as const;

/** The format that a file's first 12 bytes announce, whatever its name or declared type says. */
export function formatOf(photo: Uint8Array): PhotoFormat | undefined {
  const start = Buffer.from(photo.subarray(0, 12)).toString('latin1');
  if (start.startsWith('\xff\xd8\xff')) return jpeg;
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return png;
  if (start.startsWith('RIFF') && start.startsWith('WEBP', 8)) return webp;
  return undefined;
}
