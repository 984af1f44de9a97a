import * as v from 'valibot';
import type { Result } from '../core/results.ts';
import type { Blobs } from '../ports.ts';
import { SharedDocument } from '../runtime/document.ts';

/** What a webhook may be told of. */
export const eventTypes = ['result.recognised', 'result.enrolled', 'result.failed'] as const;
export type EventType = (typeof eventTypes)[number];

export const HookIdSchema = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{0,31}$/));
/** 24 to 64 random bytes in base64, as Standard Webhooks writes them. */
export const SecretSchema = v.pipe(v.string(), v.regex(/^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/));

export const HookSchema = v.object({
  id: HookIdSchema,
  url: v.string(),
  events: v.pipe(v.array(v.picklist(eventTypes)), v.readonly()),
  /** Not hashed, because each delivery is signed with it. */
  secret: SecretSchema,
  /** ms since the epoch. */
  createdAt: v.number(),
});
export type Hook = v.InferOutput<typeof HookSchema>;

const HooksSchema = v.object({ v: v.literal(1), hooks: v.pipe(v.array(HookSchema), v.readonly()) });
export type Hooks = v.InferOutput<typeof HooksSchema>;

/** The registered webhooks, in the gallery's store, which nothing expires. */
export function hooksDocument(store: Blobs): SharedDocument<Hooks> {
  return new SharedDocument<Hooks>(store, 'access/webhooks.json', HooksSchema, { v: 1, hooks: [] });
}

export function eventTypeOf(result: Result): EventType {
  if (result.status === 'failed') return 'result.failed';
  return 'person' in result ? 'result.enrolled' : 'result.recognised';
}
