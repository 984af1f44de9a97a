/** The first 32 hex digits of a file's SHA-256: tells files apart, and finds one again. */
export function digestOf(bytes: Uint8Array): string {
  return new Bun.CryptoHasher('sha256').update(bytes).digest('hex').slice(0, 32);
}
