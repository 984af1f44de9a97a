import * as v from 'valibot';

/** A stored object's bytes. */
export function jsonBytes(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** What a stored object holds; undefined for anything that the schema does not take, JSON or not. */
export function parseJsonBytes<T>(schema: v.GenericSchema<unknown, T>, body: Uint8Array): T | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), new TextDecoder().decode(body));
  return parsed.success ? parsed.output : undefined;
}
