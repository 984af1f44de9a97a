import type { ObservedInstance } from './types.ts';

/** Leave is granted to several at a time, not to each as it comes, s. */
export const DRAIN_INTERVAL_SECONDS = 5;

/**
 * Those to be granted leave: from the youngest down, all beyond `keep`, to the first that is younger than the minimum
 * runtime. A suffix of the order, so that it is never the oldest, whoever decides.
 *
 * @param order live instances, the oldest first
 * @param now ms since the epoch
 */
export function drains(
  order: readonly ObservedInstance[],
  keep: number,
  minRuntimeSeconds: number,
  now: number,
): string[] {
  const leaving: string[] = [];
  for (const { id, launchedAt } of order.slice(keep).reverse()) {
    if (now - launchedAt < minRuntimeSeconds * 1000) break;
    leaving.push(id);
  }
  return leaving;
}
