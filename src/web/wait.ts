import type { Context } from 'hono';
import { Problem } from './problem.ts';

/** Longest wait a client may ask for, seconds. */
const LONGEST = 300;

export interface Wait {
  /** Seconds to wait for the result; undefined when the client asked for no time. */
  readonly seconds: number | undefined;
  /** Headers that the answer must carry. */
  readonly applied: Readonly<Record<string, string>>;
}

/** What `?wait=SECONDS` asks for, or else `Prefer: wait=SECONDS` (RFC 7240). Throws a 400 problem `invalid-wait`. */
export function waitOf({ req }: Context): Wait {
  const query = req.query('wait');
  if (query !== undefined) return { seconds: secondsOf(query), applied: {} };
  const preferred = /(?:^|,)\s*wait\s*=\s*([^,;]*)/i.exec(req.header('prefer') ?? '')?.[1];
  if (preferred === undefined) return { seconds: undefined, applied: {} };
  const seconds = secondsOf(preferred.trim().replace(/^"(.*)"$/, '$1'));
  return { seconds, applied: { 'preference-applied': `wait=${seconds}` } };
}

function secondsOf(text: string): number {
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds <= LONGEST) return seconds;
  throw new Problem('invalid-wait', `Give whole seconds from 0 to ${LONGEST}, or leave the wait out.`);
}
