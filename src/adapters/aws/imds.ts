import { messageOf } from '../../core/errors.ts';

export interface ImdsOptions {
  /** Default: the link-local address. `AWS_EC2_METADATA_SERVICE_ENDPOINT` goes here. */
  readonly endpoint?: string;
  /** For one request, ms. */
  readonly timeoutMs?: number;
  /** How long a token is asked for, 1 to 21,600 seconds. */
  readonly tokenSeconds?: number;
  readonly now?: () => number;
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** The metadata service did not give an answer that means anything. Says nothing about what was asked. */
export class ImdsError extends Error {
  override readonly name = 'ImdsError';
}

const service = 'the instance metadata service';
/** Metadata is a few bytes; an identity document under 1 KiB. */
const MOST_BYTES = 16_384;

/** Instance metadata, version 2: every request carries a session token, which is renewed before it ends. */
export class Imds {
  readonly #endpoint: string;
  readonly #timeoutMs: number;
  readonly #tokenSeconds: number;
  readonly #now: () => number;
  readonly #fetch: NonNullable<ImdsOptions['fetch']>;
  #token: { readonly value: string; readonly until: number } | undefined;

  constructor(options: ImdsOptions = {}) {
    const { endpoint = 'http://169.254.169.254', timeoutMs = 1_500, tokenSeconds = 21_600 } = options;
    this.#endpoint = endpoint.replace(/\/+$/, '');
    this.#timeoutMs = timeoutMs;
    this.#tokenSeconds = tokenSeconds;
    this.#now = options.now ?? Date.now;
    this.#fetch = options.fetch ?? fetch;
  }

  /**
   * The text at `/latest/meta-data/<path>`, or undefined where there is none (404). Rejects with an ImdsError when the
   * service does not answer in time or answers anything else.
   */
  async get(path: string): Promise<string | undefined> {
    const url = `/latest/meta-data/${path}`;
    let response = await this.#request(url, { headers: await this.#authorised() });
    if (response.status === 401) {
      this.#token = undefined;
      response = await this.#request(url, { headers: await this.#authorised() });
    }
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw new ImdsError(`${service} answered ${url} with ${response.status}`);
    return response.text;
  }

  async #authorised(): Promise<Record<string, string>> {
    if (this.#token === undefined || this.#now() >= this.#token.until) this.#token = await this.#newToken();
    return { 'x-aws-ec2-metadata-token': this.#token.value };
  }

  async #newToken(): Promise<{ value: string; until: number }> {
    const url = '/latest/api/token';
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': String(this.#tokenSeconds) };
    const at = this.#now();
    const { status, text } = await this.#request(url, { method: 'PUT', headers });
    if (status !== 200 || !/^[\x21-\x7e]{1,1024}$/.test(text))
      throw new ImdsError(`${service} answered ${url} with ${status}`);
    // Renewed a little early.
    return { value: text, until: at + this.#tokenSeconds * 900 };
  }

  async #request(url: string, init: RequestInit): Promise<{ status: number; text: string }> {
    const signal = AbortSignal.timeout(this.#timeoutMs);
    try {
      const response = await this.#fetch(this.#endpoint + url, { ...init, signal, redirect: 'error' });
      const text = await response.text();
      if (text.length > MOST_BYTES)
        throw new ImdsError(`${service} answered ${url} with ${text.length} characters`);
      return { status: response.status, text };
    } catch (error) {
      if (error instanceof ImdsError) throw error;
      throw new ImdsError(`${service} does not answer ${this.#endpoint}${url}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}
