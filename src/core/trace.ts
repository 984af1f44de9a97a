import * as v from 'valibot';

/** `traceparent` of W3C Trace Context, version 00: https://www.w3.org/TR/trace-context/#traceparent-header */
export const TraceParentSchema = v.pipe(
  v.string(),
  v.regex(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/),
);

/**
 * The `traceparent` for what is done about a request: in the caller's trace where it sent a valid one, in a new one else;
 * with an id of our own for this step.
 * @param sent the header, as it came
 */
export function continueTrace(sent: string | null | undefined, random = randomHex): string {
  const caller = parentOf(sent);
  // Not sampled: nothing was said, and nothing is exported.
  const { trace, flags } = caller ?? { trace: random(16), flags: '00' };
  return `00-${trace}-${random(8)}-${flags}`;
}

/** The trace id, 32 hexadecimal digits, of a valid `traceparent`. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}

/** Later versions may add fields, and are read as far as they are known (section 4.3 of the recommendation). */
function parentOf(sent: string | null | undefined): { trace: string; flags: string } | undefined {
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(sent?.trim() ?? '');
  if (!match) return undefined;
  const [, version, trace = '', span = '', flags = '', more] = match;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(trace) || /^0+$/.test(span)) return undefined;
  // Of the flags of a later version, only the first bit is known.
  const sampled = (Number.parseInt(flags, 16) & 1).toString().padStart(2, '0');
  return { trace, flags: sampled };
}

function randomHex(bytes: number): string {
  const values = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(values, value => value.toString(16).padStart(2, '0')).join('');
}
