/** An error that no repetition can cure: the request is answered `failed` at once. Everything else is retried. */
export class Permanent extends Error {
  override readonly name = 'Permanent';
  /** A stable word for programs, such as `corrupt-image`. */
  readonly reason: Reason;

  constructor(reason: Reason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** A stored object that is not what was written: no repetition brings it back, and what else is stored is fine. */
export class Damaged extends Error {
  override readonly name = 'Damaged';
}

/** Whether what failed may have been done all the same, as nothing was heard of it in time. */
export function mayBeDone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === 'TimeoutError' || ('mayBeDone' in error && error.mayBeDone === true);
}

/** Why a request ended in `failed`. */
export const reasons = [
  'not-an-image',
  'unsupported-format',
  'corrupt-image',
  'too-many-pixels',
  'photo-missing',
  'no-face',
  'several-faces',
  'low-quality',
  'too-small',
  'too-blurred',
  'too-dark',
  'too-turned',
  'cut-off',
  'unknown-person',
  'unknown-face',
  'too-many-attempts',
  'unknown-request',
] as const;

export type Reason = (typeof reasons)[number];

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
