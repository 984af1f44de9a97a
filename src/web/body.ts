import * as v from 'valibot';
import type { Claim } from './memory.ts';
import { Problem } from './problem.ts';

/**
 * The whole body. A 413 problem when it has more than `limit` bytes, as soon as that is known: what follows stays unread.
 * The problem names `announced`, the limit that a client can do something about.
 */
export async function readBody(
  request: Request,
  limit: number,
  { announced = limit, claim }: { readonly announced?: number; readonly claim?: Claim } = {},
): Promise<Uint8Array> {
  // A length is not always declared (`Transfer-Encoding: chunked`), hence the counting below.
  if (Number(request.headers.get('content-length')) > limit) throw tooLarge(announced);
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    length += next.value.length;
    try {
      if (length > limit) throw tooLarge(announced);
      claim?.add(next.value.length);
    } catch (error) {
      await reader?.cancel();
      throw error;
    }
    chunks.push(next.value);
  }
  return Buffer.concat(chunks, length);
}

const MAX_JSON = 16_384;

/** What a body of JSON says. Throws a 400 problem `invalid-json` with `advice`, what to send instead. */
export async function readJson<T>(
  request: Request,
  schema: v.GenericSchema<unknown, T>,
  advice: string,
  limit = MAX_JSON,
): Promise<T> {
  const body = new TextDecoder().decode(await readBody(request, limit));
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), body);
  if (parsed.success) return parsed.output;
  throw new Problem('invalid-json', advice);
}

export function tooLarge(limit: number): Problem {
  return new Problem('too-large', `At most ${limit} bytes are taken here. Send a smaller one.`, {
    extra: { limit },
  });
}
