import { timeOf } from '../core/messages.ts';
import type { Result } from '../core/results.ts';
import type { Blobs } from '../ports.ts';
import { resultAt } from './stored.ts';

/** Hex digits of a UUID of version 7 whose first ones are ms since the epoch: 8 leave 65 s open, 4 leave 50 days. */
const FINEST = 8;
const COARSEST = 4;
const TIME_DIGITS = 12;
/** Ids of other servers, whose clocks may be ahead. */
const SKEW_MS = 60_000;
/** Results looked at for a page, however few of them fit: then the page ends early, with a cursor to go on from. */
const MOST_SCANNED = 500;
const READ_AT_ONCE = 16;

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
  for await (const keys of batches(output, wanted.before, now, oldest)) {
    const read = await Promise.all(keys.map(key => resultAt(output, key)));
    for (const [i, result] of read.entries()) {
      scanned++;
      if (result && wanted.fits(result)) results.push(result);
      if (results.length === wanted.limit || scanned === MOST_SCANNED)
        return { results, next: idOf(keys[i]!) };
    }
  }
  return { results, next: undefined };
}

/** Keys of results, the newest first, some at a time. */
async function* batches(output: Blobs, before: string | undefined, now: number, oldest: number) {
  let end = before ?? '~';
  let time = before === undefined ? now + SKEW_MS : timeOf(before);
  for (let digits = FINEST; time >= oldest && time >= 0; digits = Math.max(COARSEST, digits - 1)) {
    const prefix = hexOf(time).slice(0, digits);
    const listed = (await output.list(prefix)).map(({ key }) => key);
    const keys = listed.filter(key => /^[0-9a-f-]{36}\/./.test(key) && idOf(key) < end).reverse();
    for (let at = 0; at < keys.length; at += READ_AT_ONCE) yield keys.slice(at, at + READ_AT_ONCE);
    // What is left is older than all that begins so.
    end = prefix;
    time = Number.parseInt(prefix.padEnd(TIME_DIGITS, '0'), 16) - 1;
  }
}

/** Ids of the results whose requests are no older, the newest first. */
export async function* resultIdsSince(output: Blobs, since: number, now: number): AsyncGenerator<string> {
  for await (const keys of batches(output, undefined, now, since))
    for (const key of keys) if (timeOf(key) >= since) yield idOf(key);
}

function idOf(key: string): string {
  return key.slice(0, 36);
}

function hexOf(time: number): string {
  return time.toString(16).padStart(TIME_DIGITS, '0');
}
