import * as v from 'valibot';
import { parseJsonBytes } from './json.ts';

const time = v.pipe(v.number(), v.safeInteger());

/**
 * How many photos a web server has put into the queue, as a small object in the output store. The queue's own count of
 * them is late and approximate. Times in ms, by the web server's clock.
 */
export const AcceptedSchema = v.object({
  v: v.literal(1),
  at: time,
  /** When it counted from zero. */
  startedAt: time,
  count: v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(1e12)),
});
export type Accepted = v.InferOutput<typeof AcceptedSchema>;

/** At most one telling in this time, s: each is a paid call. */
export const TELL_SECONDS = 1;
/** Fewer more photos than this are told at most once in the time below; so the first one after a pause is told at once. */
export const FEW = 5;
export const TELL_FEW_SECONDS = 5;
/** Whoever has nothing new tells that it is there, s. */
export const TELL_NOTHING_SECONDS = 600;
/** A telling later than this was held up: its photos have not just come, s. */
export const LATE_SECONDS = TELL_FEW_SECONDS + 2;

/**
 * Whether a count is to be told now.
 *
 * @param more photos since the last telling
 * @param seconds since the last telling
 */
export function isToBeTold(more: number, seconds: number): boolean {
  if (more === 0) return seconds >= TELL_NOTHING_SECONDS;
  return seconds >= (more < FEW ? TELL_FEW_SECONDS : TELL_SECONDS);
}

/** Whether the later of two tellings counts on from the earlier one, and in time. */
export function isContinued(earlier: Accepted | undefined, later: Accepted): boolean {
  if (earlier?.startedAt !== later.startedAt || later.count < earlier.count) return false;
  const heldUp = later.at - earlier.at > LATE_SECONDS * 1000;
  return !(heldUp && later.count - earlier.count > FEW);
}

/** Where in the output store the counts of a fleet's web servers are. */
export function acceptedOf(fleet: string): string {
  return `fleet/${fleet}/web/`;
}

/** @param id of a web server, the same when it starts again */
export function acceptedKey(fleet: string, id: string): string {
  return acceptedOf(fleet) + id;
}

/** undefined for anything that is no such count. */
export function parseAccepted(body: Uint8Array): Accepted | undefined {
  return parseJsonBytes(AcceptedSchema, body);
}
