import { parseResult, type Result } from '../core/results.ts';
import type { Blobs, CallOptions } from '../ports.ts';

/** The result under a key; undefined where there is none. Rejects, without the contents, where it is something else. */
export async function resultAt(
  output: Blobs,
  key: string,
  options?: CallOptions,
): Promise<Result | undefined> {
  const stored = await output.get(key, options);
  if (!stored) return undefined;
  const result = parseResult(stored.body);
  if (!result) throw new Error('the output store holds something that is no result');
  return result;
}

/** The result of a request, of whatever file. */
export async function resultOf(output: Blobs, id: string): Promise<Result | undefined> {
  const [info] = await output.list(`${id}/`, { limit: 1 });
  return info && resultAt(output, info.key);
}
