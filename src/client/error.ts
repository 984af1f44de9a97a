/** An answer that is a problem (RFC 9457), or none at all. */
export class FacerecError extends Error {
  override readonly name = 'FacerecError';
  readonly status: number;
  /** Such as `unknown-person`; empty where the answer was no problem of this API. */
  readonly problem: string;
  /** All that the problem says. */
  readonly details: Readonly<Record<string, unknown>>;
  /** When to try again, seconds, if the server told. */
  readonly retryAfter: number | undefined;

  constructor(response: Response, details: Readonly<Record<string, unknown>>) {
    const { type, title, detail } = details;
    const said = [title, detail].filter(text => typeof text === 'string').join('. ');
    super(said || `the server answered ${response.status}`);
    this.status = response.status;
    this.problem = typeof type === 'string' ? type.replace(/^urn:facerec:problem:/, '') : '';
    this.details = details;
    const seconds = Number(response.headers.get('retry-after') || Number.NaN);
    this.retryAfter = seconds >= 0 ? seconds : undefined;
  }

  static async of(response: Response): Promise<FacerecError> {
    const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
    const details: unknown = isProblem ? await response.json() : {};
    return new FacerecError(response, details as Readonly<Record<string, unknown>>);
  }
}
