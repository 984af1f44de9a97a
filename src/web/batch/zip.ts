import { crc32, inflateRaw } from 'node:zlib';
import { tooLarge } from '../body.ts';
import { Problem } from '../problem.ts';

/** A file in a zip archive (PKWARE's APPNOTE 6.3, without Zip64, encryption and spanning). */
export interface ZipEntry {
  /** As the archive has it: a path of anybody's making. */
  readonly name: string;
  /**
   * The bytes, once checked against their CRC. Throws a 413 problem as soon as there are more than `limit`, whatever the
   * archive says, and a 400 problem when it is damaged, or packed in a way that is not read here.
   */
  read(limit: number): Promise<Uint8Array>;
}

const END = 0x06054b50;
const END_BYTES = 22;
const CENTRAL = 0x02014b50;
const CENTRAL_BYTES = 46;
const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;
const ENCRYPTED = 1;
const UTF8 = 1 << 11;

export function isZip(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, 4)).toString('latin1');
  return start === 'PK\x03\x04' || start === 'PK\x05\x06';
}

/** The files of an archive, directories left out. Throws a problem when there are more than `maxFiles`, or it is damaged. */
export function readZip(body: Uint8Array, maxFiles: number): ZipEntry[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  const end = endOf(bytes);
  const count = bytes.readUInt16LE(end + 10);
  const size = bytes.readUInt32LE(end + 12);
  const start = bytes.readUInt32LE(end + 16);
  if (bytes.readUInt32LE(end + 4) !== 0 || count !== bytes.readUInt16LE(end + 8))
    throw invalid('it spans several files');
  if (count === 0xffff || start === 0xffffffff) throw invalid('it is a Zip64 archive');
  if (start + size !== end) throw invalid('its directory is not where it says');
  const entries: (ZipEntry & { readonly from: number; readonly to: number })[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > end || bytes.readUInt32LE(at) !== CENTRAL)
      throw invalid('its directory is damaged');
    const nameEnd = at + CENTRAL_BYTES + bytes.readUInt16LE(at + 28);
    const next = nameEnd + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
    if (next > end) throw invalid('its directory is damaged');
    const encoding = bytes.readUInt16LE(at + 8) & UTF8 ? 'utf8' : 'latin1';
    const name = bytes.toString(encoding, at + CENTRAL_BYTES, nameEnd);
    const entry = { name, ...located(bytes, at, start) };
    if (!/[/\\]$/.test(name)) entries.push(entry);
    if (entries.length > maxFiles) throw tooMany(maxFiles);
    at = next;
  }
  // Files that share bytes are how a small archive unpacks to a huge one.
  const byPlace = entries.toSorted((a, b) => a.from - b.from);
  if (byPlace.some(({ from }, i) => i > 0 && from < byPlace[i - 1]!.to)) throw invalid('its files overlap');
  return entries;
}

export function tooMany(limit: number): Problem {
  return new Problem('too-many-files', `Send at most ${limit} files at once.`, { extra: { limit } });
}

function endOf(bytes: Buffer): number {
  for (let at = bytes.length - END_BYTES; at >= Math.max(0, bytes.length - END_BYTES - 0xffff); at--)
    if (bytes.readUInt32LE(at) === END && at + END_BYTES + bytes.readUInt16LE(at + 20) === bytes.length)
      return at;
  throw invalid('its end is missing');
}

/** Where the data of a directory's entry are, and how they are read. */
function located(bytes: Buffer, at: number, dataEnd: number) {
  const flags = bytes.readUInt16LE(at + 8);
  const method = bytes.readUInt16LE(at + 10);
  const crc = bytes.readUInt32LE(at + 16);
  const packed = bytes.readUInt32LE(at + 20);
  const from = bytes.readUInt32LE(at + 42);
  if (from + LOCAL_BYTES > dataEnd || bytes.readUInt32LE(from) !== LOCAL)
    throw invalid('a file is not where it says');
  const data = from + LOCAL_BYTES + bytes.readUInt16LE(from + 26) + bytes.readUInt16LE(from + 28);
  const to = data + packed;
  if (to > dataEnd) throw invalid('a file is cut off');
  const read = async (limit: number) => {
    if (flags & ENCRYPTED) throw invalid('the file is encrypted');
    const content = await unpacked(bytes.subarray(data, to), method, limit);
    if (crc32(content) !== crc) throw invalid('the file is damaged');
    return content;
  };
  return { from, to, read };
}

function unpacked(data: Buffer, method: number, limit: number): Promise<Uint8Array> {
  if (method === 0) {
    if (data.length > limit) throw tooLarge(limit);
    return Promise.resolve(data);
  }
  if (method !== 8) throw invalid('the file is packed in a way other than deflate');
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  inflateRaw(data, { maxOutputLength: Math.max(1, limit) }, (error, content) => {
    if (!error) return resolve(content);
    reject(
      (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE'
        ? tooLarge(limit)
        : invalid('the file is damaged'),
    );
  });
  return promise;
}

function invalid(what: string): Problem {
  return new Problem('invalid-zip', `The zip file cannot be taken: ${what}.`);
}
