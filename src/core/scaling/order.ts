import type { Instance } from '../../ports.ts';

/** The oldest first, the same for all who look. */
export function byAge<I extends Instance>(instances: readonly I[]): I[] {
  return instances.toSorted((a, b) => a.launchedAt - b.launchedAt || (a.id < b.id ? -1 : 1));
}
