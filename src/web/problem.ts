/**
 * Every error that clients see, as RFC 9457 problem details. `type` is `urn:facerec:problem:<slug>`: programs may rely
 * on it, as on the status; titles and details are for people and may change.
 */
export const catalogue = {
  'no-such-page': [404, 'There is nothing at this address'],
  'method-not-allowed': [405, 'This address does not take that method'],
  'invalid-wait': [400, 'The waiting time is not valid'],
  'invalid-threshold': [400, 'The threshold is not valid'],
  'not-multipart': [415, 'The upload is not multipart/form-data'],
  'malformed-multipart': [400, 'The multipart body cannot be read'],
  'missing-file': [400, 'The upload holds no photo'],
  'several-files': [400, 'The upload holds several files'],
  'not-a-file': [400, 'The field holds text instead of a photo'],
  'empty-file': [400, 'The photo is empty'],
  'invalid-file-name': [400, 'The file name is not valid'],
  'too-large': [413, 'The upload is too large'],
  'unsupported-format': [415, 'This is neither JPEG, PNG nor WebP'],
  'invalid-json': [400, 'The body is not the JSON expected here'],
  'invalid-person-id': [400, "The person's id is not valid"],
  'invalid-person-name': [400, "The person's name is not valid"],
  'unknown-person': [404, 'There is no such person'],
  'unknown-face': [404, 'This person has no such face'],
  'no-picture': [404, 'No picture of this face is kept'],
  'changed-meanwhile': [409, 'Somebody else changed this person at the same time'],
  'unknown-result': [404, 'There is no such request'],
  expired: [410, 'The result is no longer kept'],
  'invalid-idempotency-key': [400, 'The Idempotency-Key is not valid'],
  'idempotency-key-reused': [422, 'The Idempotency-Key was used with other content'],
  'idempotency-key-busy': [409, 'A request with this Idempotency-Key is under way'],
  'not-batch': [415, 'The batch is neither multipart/form-data nor a zip file'],
  'invalid-zip': [400, 'The zip file cannot be read'],
  'too-many-files': [413, 'The batch holds too many files'],
  'empty-batch': [400, 'The batch holds no file'],
  'nothing-accepted': [422, 'No file of the batch was accepted'],
  'nested-archive': [415, 'The file is an archive within the archive'],
  'invalid-query': [400, 'A parameter is not valid'],
  'no-face-found': [400, 'There is no face in the photo'],
  'invalid-webhook': [400, 'The webhook is not valid'],
  'unknown-webhook': [404, 'There is no such webhook'],
  'invalid-page': [400, 'The page asked for is not valid'],
  'invalid-box': [400, 'The place of the face is not valid'],
  'invalid-merge': [400, 'These cannot be merged'],
  'unknown-dead-letter': [404, 'There is no such dead letter'],
  'photo-gone': [410, 'The photo is no longer kept'],
  'photo-failed': [422, 'The photo was looked at, without success'],
  busy: [503, 'Too many uploads at once'],
  'cross-site': [403, 'Requests from other sites are not taken'],
  'foreign-host': [403, 'Only this machine is served'],
  unauthorized: [401, 'A valid key is needed'],
  forbidden: [403, 'The key is not good for this'],
  'too-many-requests': [429, 'Too many requests with this key'],
  'storage-unavailable': [503, 'The photo or request cannot be stored just now'],
  'not-ready': [503, 'Not ready'],
  internal: [500, 'Something went wrong here'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemSlug = keyof typeof catalogue;

export interface ProblemOptions extends ErrorOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** URI of what the problem occurred with, such as `/results/<id>`. */
  readonly instance?: string;
  /** Extension members of the JSON. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Thrown by handlers; `createApp` turns it into its response. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly slug: ProblemSlug;
  readonly options: ProblemOptions;

  /** `detail` says what is wrong in this case and what to do next. */
  constructor(slug: ProblemSlug, detail: string, options: ProblemOptions = {}) {
    super(detail, options);
    this.slug = slug;
    this.options = options;
  }

  get status(): number {
    return catalogue[this.slug][0];
  }

  /** The problem details. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { instance, extra } = this.options;
    const [status, title] = catalogue[this.slug];
    const type = `urn:facerec:problem:${this.slug}`;
    return { type, title, status, detail: this.message, ...(instance && { instance }), ...extra };
  }

  toResponse(): Response {
    const { headers } = this.options;
    return new Response(`${JSON.stringify(this)}\n`, {
      status: this.status,
      headers: { 'content-type': 'application/problem+json', ...headers },
    });
  }
}

const systemCodes =
  /^(ENOSPC|EDQUOT|EROFS|EIO|EMFILE|ENFILE|SQLITE_(FULL|BUSY|LOCKED|IOERR|READONLY|CANTOPEN).*)$/;
const networkCodes =
  /^(ECONN(REFUSED|RESET|ABORTED)|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ConnectionRefused|ConnectionClosed|FailedToOpenSocket|Timeout)$/;
const serviceNames =
  /^(TimeoutError|SlowDown|ServiceUnavailable|InternalError|ThrottlingException|RequestThrottled)/;

/** Whether a store or queue could not do its work just now (disk full, busy, unreachable), so that trying later helps. */
export function isUnavailable(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
    if (systemCodes.test(code) || networkCodes.test(code) || serviceNames.test(cause.name)) return true;
  }
  return false;
}

const RETRY_SECONDS = 5;

/** What the client is told about anything thrown; internals stay inside. */
export function problemOf(error: unknown, requestId: string): Problem {
  if (error instanceof Problem) return error;
  if (isUnavailable(error)) {
    return new Problem(
      'storage-unavailable',
      `Nothing was accepted: the store or queue is full or unreachable. Send it again in ${RETRY_SECONDS} seconds.`,
      { cause: error, headers: { 'retry-after': String(RETRY_SECONDS) } },
    );
  }
  return new Problem('internal', 'Try again; if it stays, give the operator the instance of this answer.', {
    cause: error,
    instance: `urn:uuid:${requestId}`,
  });
}
