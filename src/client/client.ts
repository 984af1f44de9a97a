import { FacerecError } from './error.ts';
import type {
  Batch,
  BatchFile,
  Enrolled,
  EnrolOptions,
  PeoplePage,
  PeopleQuery,
  Person,
  Photo,
  Queued,
  Result,
  ResultPage,
  ResultsQuery,
  UploadOptions,
  Webhook,
} from './types.ts';

export interface ClientOptions {
  /** Of the server, such as `http://localhost:8000`. */
  readonly url: string | URL;
  /** An API key; none for an open server. */
  readonly key?: string;
  readonly fetch?: (url: URL, init: RequestInit) => Promise<Response>;
}

/** Longest wait that the server grants, seconds. */
const WAIT_SECONDS = 60;

/**
 * The HTTP API, for every runtime with `fetch`. Each method rejects with a FacerecError where the server answers with a
 * problem, and with what `fetch` throws where it cannot be reached.
 */
export class FacerecClient {
  readonly #base: URL;
  readonly #key: string | undefined;
  readonly #fetch: NonNullable<ClientOptions['fetch']>;

  constructor({ url, key, fetch: given }: ClientOptions) {
    this.#base = new URL(String(url).replace(/\/*$/, '/'));
    this.#key = key;
    this.#fetch = given ?? ((at, init) => fetch(at, init));
  }

  /** Sends a photo and does not wait for its result. */
  async submit(file: string, photo: Photo, options: UploadOptions = {}): Promise<Queued> {
    const { threshold } = options;
    return this.#json('POST', '', {
      ...upload(file, photo, options),
      query: { wait: '0', ...(threshold !== undefined && { threshold: String(threshold) }) },
    });
  }

  /** Sends a photo and waits until it is answered. */
  async recognise(file: string, photo: Photo, options: UploadOptions = {}): Promise<Result> {
    return this.wait((await this.submit(file, photo, options)).id, options);
  }

  /** The result of a request, or that it is still queued. */
  async result(id: string, waitSeconds = 0, signal?: AbortSignal): Promise<Result | Queued> {
    const query = { wait: String(waitSeconds) };
    return this.#json('GET', `results/${id}`, { query, ...(signal && { signal }) });
  }

  /** The result as soon as it is there. Ends by `signal` only. */
  async wait(id: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Result> {
    for (;;) {
      const result = await this.result(id, WAIT_SECONDS, signal);
      if (result.status !== 'queued') return result;
    }
  }

  /** All stored results, the newest first, a page at a time behind the scenes. */
  async *results(query: ResultsQuery = {}): AsyncGenerator<Result> {
    for await (const { results } of this.#pages<ResultPage>('results', query)) yield* results;
  }

  /** Sends many photos, or zip files of them, in one request; each is accepted or refused for itself. */
  async batch(files: readonly BatchFile[], options: UploadOptions = {}): Promise<Batch> {
    const { threshold, idempotencyKey, signal } = options;
    const form = new FormData();
    for (const { file, photo } of files) form.append('inputFile', new Blob([photo]), file);
    if (threshold !== undefined) form.append('threshold', String(threshold));
    const headers = { ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }) };
    return this.#json('POST', 'batch', { body: form, headers, ...(signal && { signal }) });
  }

  /** Everybody, in one answer. */
  async people(): Promise<readonly Person[]> {
    const { people } = await this.#json<{ people: Person[] }>('GET', 'people');
    return people;
  }

  /** Those whose names or ids hold a text, or everybody, in the order of names, a page at a time behind the scenes. */
  async *findPeople({ q, limit = 100 }: PeopleQuery = {}): AsyncGenerator<Person> {
    const query = { limit, ...(q !== undefined && { q }) };
    for await (const { people } of this.#pages<PeoplePage>('people', query)) yield* people;
  }

  /** Rejects with `unknown-person` where there is none. */
  async person(id: string): Promise<Person> {
    return this.#json('GET', personPath(id));
  }

  /** Adds or renames a person; without a name, a new one is named by the id. */
  async putPerson(id: string, name?: string): Promise<Person> {
    const body = name === undefined ? null : JSON.stringify({ name });
    return this.#json('PUT', personPath(id), { body });
  }

  async deletePerson(id: string): Promise<void> {
    await this.#send('DELETE', personPath(id));
  }

  /** Enrols a face, and waits until that is done. Rejects with `photo-failed` and the reason. */
  async enrol(person: string, file: string, photo: Photo, options: EnrolOptions = {}): Promise<Enrolled> {
    const { box } = options;
    const enrolled = await this.#json<Enrolled | Queued>('POST', `${personPath(person)}/faces`, {
      ...upload(file, photo, options),
      query: { wait: String(WAIT_SECONDS), ...(box && { box: box.join() }) },
    });
    const result = enrolled.status === 'queued' ? await this.wait(enrolled.id, options) : enrolled;
    if ('face' in result) return result;
    throw new FacerecError(new Response(null, { status: 422 }), {
      ...result,
      type: 'urn:facerec:problem:photo-failed',
    });
  }

  /** The picture of an enrolled face, a JPEG. Rejects with `no-picture` where none is kept. */
  async facePhoto(person: string, face: string): Promise<Blob> {
    return (await this.#send('GET', `${personPath(person)}/faces/${face}/photo`)).blob();
  }

  async deleteFace(person: string, face: string): Promise<void> {
    await this.#send('DELETE', `${personPath(person)}/faces/${face}`);
  }

  async webhooks(): Promise<readonly Webhook[]> {
    const { webhooks } = await this.#json<{ webhooks: Webhook[] }>('GET', 'webhooks');
    return webhooks;
  }

  /** Adds or changes a webhook. The secret is told here only. */
  async putWebhook(
    id: string,
    hook: { readonly url: string; readonly events?: readonly string[]; readonly secret?: string },
  ): Promise<Webhook & { readonly secret: string }> {
    return this.#json('PUT', `webhooks/${id}`, { body: JSON.stringify(hook) });
  }

  async deleteWebhook(id: string): Promise<void> {
    await this.#send('DELETE', `webhooks/${id}`);
  }

  /** Has a webhook told again of what came since then; resolves to how many results that are. */
  async replay(id: string, since: Date | string): Promise<number> {
    const query = { since: since instanceof Date ? since.toISOString() : since };
    const { queued } = await this.#json<{ queued: number }>('POST', `webhooks/${id}/replay`, { query });
    return queued;
  }

  async *#pages<P extends { readonly next?: string }>(path: string, query: object): AsyncGenerator<P> {
    let cursor: string | undefined;
    do {
      const page: P = await this.#json('GET', path, {
        query: { ...stringsOf(query), ...(cursor !== undefined && { cursor }) },
      });
      yield page;
      cursor = page.next;
    } while (cursor !== undefined);
  }

  /** What the server answers is what its OpenAPI document tells, which its tests hold it to: it is not checked again. */
  async #json<T>(method: string, path: string, call: Call = {}): Promise<T> {
    return (await (await this.#send(method, path, call)).json()) as T;
  }

  async #send(method: string, path: string, { query, headers, ...init }: Call = {}): Promise<Response> {
    const url = new URL(path, this.#base);
    url.search = new URLSearchParams(query).toString();
    const authorization = this.#key === undefined ? {} : { authorization: `Bearer ${this.#key}` };
    const accept = { accept: 'application/json' };
    const response = await this.#fetch(url, {
      method,
      ...init,
      headers: { ...accept, ...authorization, ...headers },
    });
    if (!response.ok) throw await FacerecError.of(response);
    return response;
  }
}

interface Call {
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: FormData | string | null;
  readonly signal?: AbortSignal;
}

function upload(
  file: string,
  photo: Photo,
  { idempotencyKey, signal }: Pick<UploadOptions, 'idempotencyKey' | 'signal'>,
): Call {
  const body = new FormData();
  body.append('inputFile', new Blob([photo]), file);
  const headers = { ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }) };
  return { body, headers, ...(signal && { signal }) };
}

function personPath(id: string): string {
  return `people/${encodeURIComponent(id)}`;
}

function stringsOf(query: object): Record<string, string> {
  return Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)]));
}
