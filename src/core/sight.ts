import type { BlobInfo } from '../ports.ts';

/** Something as it was last seen, and since when it has been so, ms of the monotonic clock of whoever looks. */
export interface Sight<Mark> {
  readonly mark: Mark;
  readonly since: number;
}

/** The sight after another look: the same while the mark is. */
export function seen<Mark>(last: Sight<Mark> | undefined, mark: Mark, now: number): Sight<Mark> {
  if (last === undefined || last.mark !== mark) return { mark, since: now };
  return last;
}

/** Another one for each change of an object, as far as a listing shows it. */
export function markOf({ modifiedAt, size }: BlobInfo): string {
  return `${modifiedAt} ${size}`;
}
