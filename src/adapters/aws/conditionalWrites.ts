import type { Blobs } from '../../ports.ts';
import { SetupError } from '../../runtime/setup.ts';
import { AwsError, codeOf, statusOf } from './errors.ts';

/** The etag of no object. */
export const NOBODYS_ETAG = '"00000000000000000000000000000000"';

/** Beside the lease, so that who may write that may write this. */
export function conditionsKey(fleet: string): string {
  return `fleet/${fleet}/controller-conditions`;
}

/**
 * Rejects with a SetupError where the store takes conditional writes for plain ones, or does not take them at all: with
 * it, no lease keeps two controllers apart. Leaves a small object behind. Rejects with an AwsError when the store fails.
 *
 * @param variable names the bucket
 */
export async function mustHonourConditions(store: Blobs, fleet: string, variable: string): Promise<void> {
  const key = conditionsKey(fleet);
  // Each body is another one: a put of which the answer is lost is told from somebody else's by it.
  const put = (condition: { ifAbsent: true } | { ifMatch: string }) =>
    store.put(key, new TextEncoder().encode(crypto.randomUUID()), condition);
  try {
    await put({ ifAbsent: true });
    const stored = [await put({ ifAbsent: true }), await put({ ifMatch: NOBODYS_ETAG })];
    if (stored.every(etag => etag === undefined)) return;
  } catch (error) {
    if (!isUnknownThere(error)) throw error;
  }
  throw new SetupError(
    `${variable}: this store does not honour conditional writes (If-Match, If-None-Match), so a lease cannot keep two ` +
      'controllers apart. Use another store, or run a single controller with FACEREC_LEASE=off',
  );
}

function isUnknownThere(error: unknown): boolean {
  const cause = error instanceof AwsError ? error.cause : undefined;
  return codeOf(cause) === 'NotImplemented' || statusOf(cause) === 501;
}
