import * as v from 'valibot';
import { jsonBytes, parseJsonBytes } from '../core/json.ts';
import { RequestIdSchema } from '../core/messages.ts';
import type { Blobs } from '../ports.ts';

/** One webhook is to be told of one result: an object in the output store, there until that is done. */
const EntrySchema = v.object({
  v: v.literal(1),
  /** Id of the request. */
  id: RequestIdSchema,
  /** ms since the epoch, as are the others: since when it is to be delivered. */
  at: v.number(),
  attempts: v.number(),
  /** No attempt before that. */
  nextAt: v.number(),
});
export type Entry = v.InferOutput<typeof EntrySchema>;

export function outboxPrefix(hook: string): string {
  return `outbox/${hook}/`;
}

/** Notes that a webhook is to be told; does nothing where that is noted already. */
export async function enqueue(output: Blobs, hook: string, id: string, now: number): Promise<void> {
  const entry: Entry = { v: 1, id, at: now, attempts: 0, nextAt: now };
  await output.put(outboxPrefix(hook) + id, jsonBytes(entry), { ifAbsent: true });
}

export async function postpone(output: Blobs, hook: string, entry: Entry): Promise<void> {
  await output.put(outboxPrefix(hook) + entry.id, jsonBytes(entry));
}

/** undefined where there is none any more, or something else. */
export async function readEntry(output: Blobs, key: string): Promise<Entry | undefined> {
  const stored = await output.get(key);
  return stored && parseJsonBytes(EntrySchema, stored.body);
}
