import { timeOf } from '../core/messages.ts';
import type { Result } from '../core/results.ts';
import type { Blobs } from '../ports.ts';
import { resultAt } from './stored.ts';

/** Ids of requests begin with the time, and that with 0 for centuries. */
const REQUESTS = '0';
const RESULT = /^[0-9a-f-]{36}\/./;
/** Ids of other servers, whose clocks may be ahead. */
const SKEW_MS = 60_000;
/** Objects in one listing. */
const A_LISTING = 500;
/** How far back the first listing looks, ms; the next ones look further, the fewer results there are. */
const FIRST_SPAN_MS = 65_536;
const WIDEN = 16;
/** So many listings are made one after the other rather than to look where the newest are. */
const NEAR = 4;
/** Results looked at for a page, however few of them fit: then the page ends early, with a cursor to go on from. */
const MOST_SCANNED = 500;
const READ_AT_ONCE = 16;
const TIME_DIGITS = 12;

export interface Wanted {
  readonly limit: number;
  /** Only older ones than this id. */
  readonly before?: string | undefined;
  readonly fits: (result: Result) => boolean;
}

export interface Page {
  /** The newest first. */
  readonly results: readonly Result[];
  /** Where the next page begins; undefined at the end. */
  readonly next: string | undefined;
}

/** A page of the stored results back to `oldest`, ms since the epoch. Results that come or go meanwhile shift nothing. */
export async function pageOf(output: Blobs, wanted: Wanted, now: number, oldest: number): Promise<Page> {
  const results: Result[] = [];
  let scanned = 0;
  for await (const batch of newestFirst(output, now, oldest, wanted.before)) {
    for (let at = 0; at < batch.length; at += READ_AT_ONCE) {
      const keys = batch.slice(at, at + Math.min(READ_AT_ONCE, MOST_SCANNED - scanned));
      const read = await Promise.all(keys.map(key => resultAt(output, key)));
      for (const [i, result] of read.entries()) {
        scanned++;
        if (result && wanted.fits(result)) results.push(result);
        if (results.length === wanted.limit || scanned === MOST_SCANNED)
          return { results, next: idOf(keys[i]!) };
      }
    }
  }
  return { results, next: undefined };
}

/**
 * Keys of results whose requests came since `oldest` (and before the one of an id), the newest first, some at a time.
 *
 * Stores list upwards from a key. So it looks at the last minute first, and then further back; where a listing does not
 * reach the end of what it looks at, there are more results than it takes, and it looks closer to the end.
 */
export async function* newestFirst(
  output: Blobs,
  now: number,
  oldest: number,
  before?: string,
): AsyncGenerator<readonly string[]> {
  const start = Math.max(0, Math.floor(oldest));
  let end = before ?? '~';
  let endTime = before === undefined ? now + SKEW_MS : timeOf(before) + 1;
  let span = FIRST_SPAN_MS + SKEW_MS;
  /** There are results at this time, and may be more after it: so many ms took a listing there. */
  let reached: { readonly time: number; readonly pace: number; readonly stride: number } | undefined;
  while (endTime > start) {
    const from = Math.max(start, endTime - span);
    const { keys, more } = await listedFrom(output, beginningOf(from), end);
    const [first, last] = [timeOf(keys[0] ?? end), timeOf(keys.at(-1) ?? end)];
    const likely = last < now ? Math.min(endTime, now) : endTime;
    const pace = last - first + 1;
    if (more && likely - last > NEAR * pace) {
      // Perhaps they come at this pace up to the end. If not, the newest are sought further and further from here.
      const stride = reached ? NEAR * reached.stride : pace;
      const next = reached ? last + Math.min((endTime - last) / 2, stride) : likely - pace / 2;
      reached = { time: last, pace, stride };
      span = Math.ceil(endTime - next);
      continue;
    }
    const all = more ? [...keys, ...(await restOf(output, keys.at(-1)!, end))] : keys;
    if (all.length > 0) yield all.reverse();
    end = beginningOf(from);
    endTime = from;
    if (all.length > 0 || (reached && reached.time >= endTime)) reached = undefined;
    if (reached) {
      const left = endTime - reached.time;
      span = left <= NEAR * reached.pace ? left : Math.ceil(left - Math.min(left / 2, reached.stride));
    } else span = Math.ceil(span * Math.min(WIDEN, A_LISTING / 2 / Math.max(1, all.length)));
  }
}

/** Ids of the results whose requests are no older, the oldest first. */
export async function* resultIdsSince(output: Blobs, since: number): AsyncGenerator<string> {
  for (let after = beginningOf(Math.ceil(since)); ; ) {
    const { keys, more } = await listedFrom(output, after, '~');
    yield* keys.map(idOf);
    if (!more) return;
    after = keys.at(-1)!;
  }
}

/** Keys of results after a key, and whether there may be more of them before the end. */
async function listedFrom(output: Blobs, after: string, end: string) {
  const listed = (await output.list(REQUESTS, { after, limit: A_LISTING })).map(({ key }) => key);
  const keys = listed.filter(key => RESULT.test(key) && key < end);
  return { keys, more: listed.length === A_LISTING && listed.at(-1)! < end && keys.length > 0 };
}

async function restOf(output: Blobs, after: string, end: string): Promise<string[]> {
  const { keys, more } = await listedFrom(output, after, end);
  return more ? [...keys, ...(await restOf(output, keys.at(-1)!, end))] : keys;
}

function idOf(key: string): string {
  return key.slice(0, 36);
}

/** With what the ids of a time begin, and those before it do not. */
function beginningOf(time: number): string {
  const hex = time.toString(16).padStart(TIME_DIGITS, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
