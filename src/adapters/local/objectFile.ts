import { closeSync, openSync, readSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { Damaged } from '../../core/errors.ts';

/** The first line of an object's file, as JSON; the body follows. */
export interface Header {
  readonly key: string;
  /** Bytes of the body. */
  readonly size: number;
  readonly etag: string;
  /** ms since the epoch. */
  readonly modifiedAt: number;
  readonly contentType?: string;
}

/** Longest header line, bytes: a key of control characters takes 6 bytes of JSON for each of its 1,024. */
const longestHeader = 8_192;
const newline = 10;

export function encodeHeader(header: Header): Buffer {
  const line = Buffer.from(`${JSON.stringify(header)}\n`);
  if (line.length > longestHeader) throw new RangeError('the content type is too long');
  return line;
}

/** The whole object, or undefined when there is none. An Error when the file is not what was written. */
export async function readObject(file: string): Promise<{ header: Header; body: Uint8Array } | undefined> {
  const bytes = await orAbsent(readFile(file));
  if (bytes === undefined) return undefined;
  const header = parseHeader(bytes, file);
  const body = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length).subarray(
    bytes.indexOf(newline) + 1,
  );
  if (body.length !== header.size) {
    throw new Damaged(`${damaged(file)}: ${body.length} bytes where ${header.size} were written`);
  }
  return { header, body };
}

/** The header alone, or undefined when there is no such object. */
export async function readHeader(file: string): Promise<Header | undefined> {
  const handle = await orAbsent(open(file, 'r'));
  if (handle === undefined) return undefined;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(longestHeader), 0, longestHeader, 0);
    return parseHeader(buffer.subarray(0, bytesRead), file);
  } finally {
    await handle.close();
  }
}

/** As `readHeader`, in one go: for use under a lock. */
export function readHeaderSync(file: string): Header | undefined {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    return absent(error);
  }
  try {
    const buffer = Buffer.allocUnsafe(longestHeader);
    return parseHeader(buffer.subarray(0, readSync(fd, buffer, 0, longestHeader, 0)), file);
  } finally {
    closeSync(fd);
  }
}

function parseHeader(bytes: Buffer, file: string): Header {
  const end = bytes.indexOf(newline);
  try {
    const header: unknown = JSON.parse(bytes.toString('utf8', 0, Math.max(0, end)));
    if (isHeader(header)) return header;
  } catch {
    // Said below: what could not be parsed may hold a key, which belongs in no log.
  }
  throw new Damaged(`${damaged(file)}: its header cannot be read`);
}

function isHeader(value: unknown): value is Header {
  if (typeof value !== 'object' || value === null) return false;
  const { key, size, etag, modifiedAt } = value as Partial<Record<keyof Header, unknown>>;
  return [key, etag].every(x => typeof x === 'string') && [size, modifiedAt].every(Number.isSafeInteger);
}

function damaged(file: string): string {
  return `object ${file.slice(file.lastIndexOf('/') + 1)} is damaged`;
}

function orAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  return reading.catch(absent);
}

function absent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
