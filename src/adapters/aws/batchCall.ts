import { codeOf, isThrottle, shortCode } from './errors.ts';
import { Retries, type RetryOptions } from './retry.ts';

/** What SQS says of a batch: each entry's `Id` is in one of the lists. */
export interface BatchAnswer {
  readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined;
  readonly Failed?:
    | readonly {
        readonly Id?: string | undefined;
        readonly Code?: string | undefined;
        readonly Message?: string | undefined;
        readonly SenderFault?: boolean | undefined;
      }[]
    | undefined;
}

/** Why one entry of a batch failed; `name` is SQS's code. */
export class EntryError extends Error {
  /** Whether another try would fail in the same way. */
  readonly final: boolean;

  constructor(code: string, message: string, final: boolean) {
    super(message);
    this.name = code;
    this.final = final;
  }
}

/** Why an item was not done: what the answer says of it, or what its whole call failed of; undefined: it is done. */
export type Outcome = EntryError | Error | undefined;

/**
 * Makes a batch call of the items, and again of those that failed through no fault of theirs. Resolves with each item's
 * error or undefined, in their order. What a whole call failed of, which the SDK has tried several times by then, is the
 * error of those items alone that were in it. Never rejects.
 */
export async function callBatch<Item>(
  items: readonly Item[],
  call: (items: readonly Item[]) => Promise<BatchAnswer>,
  retry?: RetryOptions,
): Promise<Outcome[]> {
  const outcomes = await once(items, call);
  const retries = new Retries(retry);
  for (;;) {
    const left = outcomes.flatMap((outcome, i) =>
      outcome instanceof EntryError && !outcome.final ? [i] : [],
    );
    if (left.length === 0 || !(await retries.again())) return outcomes;
    const next = await once(
      left.map(i => items[i]!),
      call,
    );
    for (const [n, i] of left.entries()) outcomes[i] = next[n];
  }
}

/** One call, or several when the items together are too long for the queue. */
async function once<Item>(
  items: readonly Item[],
  call: (items: readonly Item[]) => Promise<BatchAnswer>,
): Promise<Outcome[]> {
  try {
    return outcomesOf(items.length, await call(items));
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    if (codeOf(error) !== 'BatchRequestTooLong' || items.length === 1) return items.map(() => error);
    const half = Math.ceil(items.length / 2);
    return [...(await once(items.slice(0, half), call)), ...(await once(items.slice(half), call))];
  }
}

/** Entries are named by their index. One that the answer does not mention has not been done. */
function outcomesOf(count: number, { Successful = [], Failed = [] }: BatchAnswer): Outcome[] {
  const done = new Set(Successful.map(({ Id }) => Id));
  const failed = new Map(Failed.map(entry => [entry.Id, entry]));
  return Array.from({ length: count }, (_, i) => {
    const failure = failed.get(`${i}`);
    if (failure) {
      const code = shortCode(failure.Code ?? 'Unknown');
      return new EntryError(code, failure.Message ?? code, failure.SenderFault === true && !isThrottle(code));
    }
    if (done.has(`${i}`)) return undefined;
    return new EntryError('NotAnswered', 'the answer to the batch leaves this entry out', false);
  });
}
