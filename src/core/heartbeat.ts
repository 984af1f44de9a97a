import * as v from 'valibot';
import { parseJsonBytes } from './json.ts';

const time = v.pipe(v.number(), v.integer());

/** What a worker says of itself, every `HEARTBEAT_SECONDS`, as a small object in the output store. Times in ms. */
export const HeartbeatSchema = v.object({
  v: v.literal(1),
  id: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
  state: v.picklist(['idle', 'busy', 'draining']),
  at: time,
  /** When it began to take messages. */
  startedAt: time,
  /** Since when it has had nothing to do; null while busy. */
  idleSince: v.nullable(time),
  /** Messages it has finished. */
  processed: v.pipe(v.number(), v.integer()),
  /** How long it has had messages in hand, until the last one that it finished, in all; older workers do not tell. */
  busyMs: v.optional(v.pipe(v.number(), v.minValue(0))),
  version: v.string(),
});
export type Heartbeat = v.InferOutput<typeof HeartbeatSchema>;

export const HEARTBEAT_SECONDS = 15;
/** A worker tells of its first work within this time: nobody knows yet how long a message takes. */
export const FIRST_WORK_SECONDS = 5;
/** Between looks at heartbeats while a worker's first word is awaited, s: what is there should soon count, and be shown. */
const FIRST_WORD_SECONDS = 3;
/** Four heartbeats missed: nobody can tell whether it still works. */
export const SILENT_SECONDS = 60;

/**
 * Whether a worker tells of itself now.
 *
 * @param look how many times it asked before, each `FIRST_WORK_SECONDS`
 * @param processed messages that it has finished
 * @param told how many it told of last
 */
export function isToBeat(look: number, processed: number, told: number): boolean {
  return look % (HEARTBEAT_SECONDS / FIRST_WORK_SECONDS) === 0 || (told === 0 && processed > 0);
}

/**
 * Seconds between looks at heartbeats: more often than they change they would tell nothing new, but for a first word of a
 * worker, or of work.
 *
 * @param allReported whether all workers have ever sent one
 * @param working whether there are messages in flight
 * @param worked whether any worker has told of a message that it finished
 */
export function lookSeconds(allReported: boolean, working: boolean, worked: boolean): number {
  return allReported && (worked || !working) ? HEARTBEAT_SECONDS : FIRST_WORD_SECONDS;
}

/** Where in the output store the heartbeats of a fleet are. */
export function heartbeatsOf(fleet: string): string {
  return `fleet/${fleet}/workers/`;
}

export function heartbeatKey(fleet: string, instanceId: string): string {
  return heartbeatsOf(fleet) + instanceId;
}

/** undefined for anything that is no heartbeat. */
export function parseHeartbeat(body: Uint8Array): Heartbeat | undefined {
  return parseJsonBytes(HeartbeatSchema, body);
}
