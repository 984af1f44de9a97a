import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Damaged } from '../../core/errors.ts';
import type { ListOptions } from '../../ports.ts';
import { contentOf, HOURS, idOfName, MINUTE, OTHERS, placeOfPrefix } from './names.ts';
import { type Header, readHeader } from './objectFile.ts';

/** Headers read at once. */
const readsAtOnce = 32;
/** Headers read before it is asked whether there are enough. */
const mostInHand = 1_024;

type OnDamaged = (file: string) => void;

interface Range {
  /** Without `/`. */
  readonly prefix: string;
  readonly after: string;
}

/** Where there are objects: all those whose keys begin with `order`, and those only. */
interface Part {
  readonly order: string;
  /** Parts of this one; undefined where there are none. */
  readonly open?: () => Promise<readonly Part[]>;
  readonly files?: () => Promise<readonly string[]>;
}

/**
 * Headers of the objects below `root` whose keys begin with `prefix`, in the order of their keys. Looks only where there may
 * be such keys, and reads no more headers than are wanted. Objects deleted meanwhile are left out, and damaged ones.
 */
export async function listHeaders(
  root: string,
  prefix: string,
  { limit = Number.POSITIVE_INFINITY, after = '' }: ListOptions,
  onDamaged: OnDamaged,
): Promise<Header[]> {
  const found: Header[] = [];
  let inHand: string[] = [];
  const look = async () => {
    const headers = await readHeaders(inHand, onDamaged);
    inHand = [];
    const wanted = headers.filter(({ key }) => key.startsWith(prefix) && compare(key, after) > 0);
    for (const header of wanted.sort((a, b) => compare(a.key, b.key))) found.push(header);
  };
  for await (const files of filesInOrder(root, { prefix, after }, onDamaged)) {
    if (found.length >= limit) break;
    for (const file of files) inHand.push(file);
    if (inHand.length >= Math.min(mostInHand, limit - found.length)) await look();
  }
  if (found.length < limit) await look();
  return found.slice(0, limit);
}

async function* filesInOrder(root: string, range: Range, onDamaged: OnDamaged) {
  const within = placeOfPrefix(range.prefix);
  if (within) {
    const names = await namesIn(join(root, within.directory));
    yield pathsOf(
      join(root, within.directory),
      names.filter(name => name.startsWith(within.name)),
    );
    return;
  }
  const parts: Part[] = [];
  for (const directory of await namesIn(root)) {
    const path = join(root, directory);
    const content = contentOf(directory);
    if (directory === OTHERS) parts.push(...(await others(path, onDamaged)));
    else if (content && 'segment' in content) parts.push(...segment(path, content.segment, range));
    else if (content) parts.push(...hours(path, content.digits, range));
  }
  yield* inOrder(parts, [HOURS, MINUTE]);
}

/** Opens parts as late as it can: when all that comes before them has been taken. */
async function* inOrder(
  parts: readonly Part[],
  lengths: readonly number[],
): AsyncGenerator<readonly string[]> {
  const [length, ...further] = lengths;
  if (length === undefined) {
    for (const { files } of parts.toSorted(byOrder)) if (files) yield await files();
    return;
  }
  // Keys of others may come between those of a part, if they begin as it does.
  const alike = ({ order }: Part) => (ASCII.test(order.slice(0, length)) ? order.slice(0, length) : order);
  const bunches = [...Map.groupBy(parts, alike)].sort(([a], [b]) => compare(a, b));
  for (const [, bunch] of bunches) {
    const opened = await Promise.all(bunch.map(part => part.open?.() ?? [part]));
    yield* inOrder(opened.flat(), further);
  }
}

function hours(path: string, digits: string, range: Range): Part[] {
  const open = async () => {
    const names = await namesIn(path);
    return names.flatMap(name => minute(join(path, name), digits + name, range));
  };
  return mayHold(digits, range) ? [{ order: digits, open }] : [];
}

function minute(path: string, digits: string, range: Range): Part[] {
  const open = async () => {
    const byId = Map.groupBy((await namesIn(path)).sort(), idOfName);
    return [...byId]
      .filter(([id]) => mayHold(id, range))
      .map(([id, names]) => ({ order: `${id}/`, files: async () => pathsOf(path, names) }));
  };
  return mayHold(digits, range) ? [{ order: digits, open }] : [];
}

function segment(path: string, order: string, range: Range): Part[] {
  return mayHold(order, range) ? [{ order, files: async () => pathsOf(path, await namesIn(path)) }] : [];
}

/** Keys of which the names tell nothing: a few, such as the head of the gallery. */
async function others(path: string, onDamaged: OnDamaged): Promise<Part[]> {
  const parts = pathsOf(path, await namesIn(path)).map(async file => {
    const headers = await readHeaders([file], onDamaged);
    return headers.map(({ key }) => ({ order: key, files: async () => [file] }));
  });
  return (await Promise.all(parts)).flat();
}

/** Whether there may be keys in the range that begin so. */
function mayHold(beginning: string, { prefix, after }: Range): boolean {
  const common = Math.min(beginning.length, prefix.length);
  if (beginning.slice(0, common) !== prefix.slice(0, common)) return false;
  return beginning >= after.slice(0, beginning.length);
}

async function readHeaders(files: readonly string[], onDamaged: OnDamaged): Promise<Header[]> {
  const headers: Header[] = [];
  const queue = files.values();
  const reader = async (): Promise<void> => {
    for (const file of queue) {
      const header = await readHeader(file).catch(error => {
        if (!(error instanceof Damaged)) throw error;
        onDamaged(file);
      });
      if (header) headers.push(header);
    }
  };
  await Promise.all(Array.from({ length: Math.min(readsAtOnce, files.length) }, reader));
  return headers;
}

function pathsOf(directory: string, names: readonly string[]): string[] {
  return names.map(name => join(directory, name));
}

/** Names in a directory, which may have been removed meanwhile. */
async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(error => {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  });
}

function byOrder(a: Part, b: Part): number {
  return compare(a.order, b.order);
}

const ASCII = /^[\0-\x7f]*$/;

/** By bytes of UTF-8, as S3 orders keys. */
function compare(a: string, b: string): number {
  if (ASCII.test(a) || ASCII.test(b)) return a < b ? -1 : a > b ? 1 : 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
