import { LATE_SECONDS } from '../accepted.ts';
import type { Sample } from './types.ts';

/** No window reaches further back. */
export const SAMPLES_MS = 80_000;
/** A count of the queue may be this old. */
const LATE_MS = 15_000;
/** More than so many times what the web servers tell, and some, has other senders: the estimate is not so far off. */
const MOST_UNTOLD = 1.25;
const SOME_UNTOLD = 20;

/** The samples with a new one, without those too old for any window, and without counts of another basis. */
export function addSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const comparable = ({ basis }: Sample) => sample.basis === undefined || basis === sample.basis;
  const kept = samples
    .filter(({ at }) => at < sample.at && at >= sample.at - SAMPLES_MS)
    .map(each => (comparable(each) ? each : { at: each.at, depth: each.depth, completed: each.completed }));
  kept.push(sample);
  return kept;
}

/** Arrivals until a time, counted from some beginning. */
export type Count = (time: number) => number;

/**
 * Whether all that comes is told by web servers: they have told for as long as there are samples, and the queue does not
 * show much more than that. Others may send to it too.
 */
export function areTold(samples: readonly Sample[]): boolean {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) return false;
  if (samples.some(({ accepted }) => accepted === undefined)) return false;
  const shown = estimated(samples)(last.at) - arrived(first);
  return shown <= MOST_UNTOLD * (last.accepted! - first.accepted!) + SOME_UNTOLD;
}

/** Arrivals by the web servers' own count; where that is not known, what has left the queue and what is there. */
export function arrivals(samples: readonly Sample[]): Count {
  return areTold(samples) ? told(samples) : estimated(samples);
}

function estimated(samples: readonly Sample[]): Count {
  return time => mostBy(samples, time, arrived);
}

function arrived({ depth, completed }: Sample): number {
  return depth + completed;
}

/** Between two samples as if it had grown evenly. */
function told(samples: readonly Sample[]): Count {
  return time => {
    const next = samples.findIndex(({ at }) => at > time);
    const after = samples.at(next)!;
    const before = samples[next - 1] ?? after;
    const part = after.at > before.at ? (time - before.at) / (after.at - before.at) : 0;
    return before.accepted! + (after.accepted! - before.accepted!) * Math.max(0, Math.min(1, part));
  };
}

/**
 * The most that was counted within `LATE_MS` before a time: what one count has seen, a staler one after it does not undo.
 * What came before the first sample is not known to be new.
 *
 * @param time ms since the epoch
 */
export function mostBy(samples: readonly Sample[], time: number, value: (sample: Sample) => number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = samples.length - 1; i >= 0; i--) {
    const sample = samples[i]!;
    if (sample.at <= time - LATE_MS && most > Number.NEGATIVE_INFINITY) break;
    if (sample.at <= time || i === 0) most = Math.max(most, value(sample));
  }
  return most;
}

/**
 * Messages that are not likely to be done yet, however late the queue counts them: of those that the web servers told of
 * in the last seconds, all beyond what so many workers do in that time, and in the time that a telling may take.
 *
 * @param service seconds of work in a message
 */
export function undone(samples: readonly Sample[], workers: number, service: number): number {
  const last = samples.at(-1);
  return samples.reduce((most, { at, accepted }) => {
    if (last?.accepted === undefined || accepted === undefined || at < last.at - LATE_MS) return most;
    const seconds = (last.at - at) / 1000 + LATE_SECONDS;
    const done = Math.ceil((workers * seconds) / service);
    return Math.max(most, last.accepted - accepted - done);
  }, 0);
}
