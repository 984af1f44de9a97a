import { Problem } from './problem.ts';

/**
 * The whole body. A 413 problem when it has more than `limit` bytes, as soon as that is known: what follows stays unread.
 * The problem names `announced`, the limit that a client can do something about.
 */
export async function readBody(request: Request, limit: number, announced = limit): Promise<Uint8Array> {
  const declared = request.headers.get('content-length');
  if (declared === null) return readStream(request, limit, announced);
  if (Number(declared) > limit) throw tooLarge(announced);
  const body = await request.bytes();
  if (body.length > limit) throw tooLarge(announced);
  return body;
}

/** A body whose length nobody told before (`Transfer-Encoding: chunked`). */
async function readStream(request: Request, limit: number, announced: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    length += next.value.length;
    if (length > limit) {
      await reader?.cancel();
      throw tooLarge(announced);
    }
    chunks.push(next.value);
  }
  return Buffer.concat(chunks, length);
}

export function tooLarge(limit: number): Problem {
  return new Problem('too-large', `At most ${limit} bytes are taken here. Send a smaller one.`, {
    extra: { limit },
  });
}
