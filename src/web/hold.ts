import type { Result } from '../core/results.ts';
import type { Deps } from './deps.ts';

/** Holds the request until its result is there; undefined after `seconds`, or when the client or this server goes. */
export function hold(
  { waiting, keepOpen, now }: Deps,
  request: Request,
  photo: { readonly id: string; readonly file: string },
  seconds: number,
): Promise<Result | undefined> {
  if (seconds > 0) keepOpen(request);
  return waiting.forResult(photo, { deadline: now() + seconds * 1_000, signal: request.signal });
}
