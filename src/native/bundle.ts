/** A native add-on and the shared libraries that it needs, inside the executable. The build writes these. */
export interface Bundle {
  /** Of the add-on, and the fingerprint of all files: `<name>-<32 hex digits>`, the name of its directory in a cache. */
  readonly id: string;
  /** Each after those that it needs: the last one is the add-on. */
  readonly files: readonly BundledFile[];
}

export interface BundledFile {
  /** In the directory; the add-on finds its libraries by it. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Where the executable holds it. */
  readonly embedded: string;
}

const CHUNK = 1 << 20;

/** SHA-256 of what can be read from the file, in hexadecimal digits. */
export function fingerprint(read: (into: Uint8Array) => number): string {
  const hash = new Bun.CryptoHasher('sha256');
  const chunk = new Uint8Array(CHUNK);
  for (;;) {
    const bytes = read(chunk);
    if (bytes === 0) return hash.digest('hex');
    hash.update(chunk.subarray(0, bytes));
  }
}
