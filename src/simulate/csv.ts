import type { Arrivals } from './arrivals.ts';

/** How long to go on after the last arrival, s. */
const AFTER_SECONDS = 600;
/** Numbers above this are ms since the epoch, and above the next one seconds since the epoch. */
const EPOCH_MS = 1e11;
const EPOCH_SECONDS = 1e8;

/**
 * Arrivals from text with one timestamp a line, in the first column: seconds from the start, seconds or ms since the
 * epoch, or a date such as 2026-03-02T08:15:00Z. A first line without one is a heading. The clock starts at 0 for seconds
 * from the start, and at the first arrival otherwise.
 *
 * @throws with the number of the first line that holds no timestamp
 */
export function parseArrivals(name: string, text: string): Arrivals {
  const times: number[] = [];
  let absolute = false;
  text.split(/\r?\n/).forEach((line, i) => {
    const cell = (line.split(/[,;\t]/)[0] ?? '').trim().replace(/^"(.*)"$/, '$1');
    if (cell === '') return;
    const number = Number(cell);
    const date = Number.isNaN(number) ? Date.parse(cell) : number;
    if (Number.isNaN(date)) {
      if (i === 0) return;
      throw new Error(`line ${i + 1} begins with no timestamp: ${JSON.stringify(cell.slice(0, 40))}`);
    }
    const since = Number.isNaN(number) || number > EPOCH_MS ? date / 1000 : number;
    if (since > EPOCH_SECONDS) absolute = true;
    times.push(since);
  });
  if (times.length === 0) throw new Error('it holds no timestamp');
  times.sort((a, b) => a - b);
  const start = absolute ? times[0]! : 0;
  if (times[0]! - start < 0) throw new Error('a time before the start');
  const shifted = times.map(time => time - start);
  return { name, seconds: Math.ceil(shifted.at(-1)!) + AFTER_SECONDS, times: shifted };
}
