/** Throws a RangeError for what no object store takes: not 1 to 1,024 bytes of UTF-8, or with a NUL in it. */
export function checkKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes < 1 || bytes > 1_024 || !key.isWellFormed() || key.includes('\0')) {
    throw new RangeError('a key is 1 to 1,024 bytes of well-formed UTF-8 without NUL');
  }
}

/** A key of a listing with `encoding-type=url`, which is how S3 gets any key through XML. */
export function decodeListedKey(key: string, encoding: string | undefined): string {
  return encoding === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key;
}
