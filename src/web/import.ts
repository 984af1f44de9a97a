import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { messageOf } from '../core/errors.ts';
import { personIdProblem, personNameProblem } from '../core/people.ts';
import { ResultSchema } from '../core/results.ts';
import { digestOf } from '../runtime/digest.ts';
import type { ProgressLine } from '../runtime/progressLine.ts';
import { SetupError } from '../runtime/setup.ts';
import { sleep } from '../runtime/time.ts';

const PHOTO = /\.(jpe?g|png|webp)$/i;
/** Photos on their way at a time: a few more than a small fleet takes. */
const AT_ONCE = 8;
/** Seconds that the server is asked to hold an answer. */
const WAIT = 30;
/** A server that is away or busy is asked again this often, after growing pauses. */
const TRIES = 8;
const FIRST_PAUSE_MS = 500;

export interface ImportOptions {
  readonly folder: string;
  readonly server: URL;
  /** undefined: the server is open. */
  readonly key?: string | undefined;
  readonly fetch?: (url: URL, init?: RequestInit) => Promise<Response>;
  readonly pause?: (ms: number) => Promise<void>;
  readonly progress?: (progress: Progress) => void;
}

export interface Progress {
  readonly photos: number;
  readonly enrolled: number;
  /** In the gallery already, from an earlier run. */
  readonly known: number;
  readonly refused: readonly Refusal[];
}

export interface Refusal {
  /** Path below the folder. */
  readonly file: string;
  readonly reason: string;
  readonly detail: string;
}

interface Photo {
  readonly name: string;
  readonly file: string;
  readonly path: string;
}

interface Known {
  /** undefined until somebody needs the person to be there. */
  id: string | Promise<string> | undefined;
  readonly digests: Set<string>;
}

const PeopleSchema = v.object({
  people: v.array(
    v.object({
      id: v.string(),
      name: v.string(),
      faces: v.array(v.object({ digest: v.optional(v.string()) })),
    }),
  ),
});
const ProblemSchema = v.object({ type: v.string(), detail: v.string(), reason: v.optional(v.string()) });
const QueuedSchema = v.object({ result: v.string() });

/**
 * Enrols a folder with one folder a person through a running server, as any client does. The folder's name is the person's. What
 * is enrolled already, by the contents of its file, is left out: a run that was stopped is begun again.
 */
export async function importFolder(options: ImportOptions): Promise<Progress> {
  const client = new Client(options);
  const photos = await photosIn(options.folder);
  const known = await client.people();
  const progress = { photos: photos.length, enrolled: 0, known: 0, refused: [] as Refusal[] };
  const enrol = async ({ name, file, path }: Photo) => {
    const bytes = await readFile(path);
    const digest = digestOf(bytes);
    const person = known.get(name) ?? { id: undefined, digests: new Set<string>() };
    known.set(name, person);
    if (person.digests.has(digest)) {
      progress.known++;
      return;
    }
    // Two copies in one folder are one photo, too.
    person.digests.add(digest);
    person.id ??= client.name(name);
    const refusal = await client.enrol(await person.id, file, bytes, digest);
    if (refusal) progress.refused.push({ file, ...refusal });
    else progress.enrolled++;
  };
  const queue = photos.values();
  const worker = async () => {
    for (const photo of queue) {
      const problem = personNameProblem(photo.name);
      if (problem === undefined) await enrol(photo);
      else
        progress.refused.push({
          file: photo.file,
          reason: 'invalid-name',
          detail: `The folder's name ${problem}.`,
        });
      options.progress?.(progress);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return progress;
}

async function photosIn(folder: string): Promise<Photo[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(error => {
    throw new SetupError(messageOf(error), { cause: error });
  });
  const photos: Photo[] = [];
  for (const { name } of entries
    .filter(entry => entry.isDirectory())
    .sort((a, b) => (a.name < b.name ? -1 : 1)))
    for (const file of (await readdir(join(folder, name))).filter(file => PHOTO.test(file)).sort())
      photos.push({ name: name.normalize('NFC'), file: `${name}/${file}`, path: join(folder, name, file) });
  return photos;
}

/** What people's ids may not hold is left out; two names that come to the same are told apart by a digest. */
function idOf(name: string): string {
  if (personIdProblem(name) === undefined) return name;
  const plain = name
    .normalize('NFKD')
    .replace(/[^\w .-]+/g, '')
    .trim()
    .slice(0, 40);
  return `${plain || 'person'}-${digestOf(new TextEncoder().encode(name)).slice(0, 8)}`;
}

class Client {
  readonly #options: ImportOptions;

  constructor(options: ImportOptions) {
    this.#options = options;
  }

  /** The people there are, by name, with the digests of their photos. */
  async people(): Promise<Map<string, Known>> {
    const { people } = v.parse(PeopleSchema, await (await this.#ask('people')).json());
    return new Map(
      people.map(({ id, name, faces }) => [
        name,
        { id, digests: new Set(faces.flatMap(f => f.digest ?? [])) },
      ]),
    );
  }

  /** Adds a person; resolves to the id. */
  async name(name: string): Promise<string> {
    const id = idOf(name);
    const headers = { 'content-type': 'application/json' };
    await this.#ask(`people/${encodeURIComponent(id)}`, {
      method: 'PUT',
      body: JSON.stringify({ name }),
      headers,
    });
    return id;
  }

  /** Resolves when the photo is enrolled, or to why it is not. */
  async enrol(
    person: string,
    file: string,
    bytes: Uint8Array<ArrayBuffer>,
    digest: string,
  ): Promise<Omit<Refusal, 'file'> | undefined> {
    const name = file.slice(file.lastIndexOf('/') + 1);
    // Should an earlier run have been stopped before the answer came, this is the same request to the server.
    const key = `import-${digest}-${digestOf(new TextEncoder().encode(name))}`;
    const refusal = await this.#send(person, name, bytes, key);
    // A person who was deleted meanwhile, and is there again: the request from before is no longer good.
    if (refusal?.reason !== 'unknown-person') return refusal;
    return this.#send(person, name, bytes, `${key}-${crypto.randomUUID()}`);
  }

  async #send(
    person: string,
    name: string,
    bytes: Uint8Array<ArrayBuffer>,
    key: string,
  ): Promise<Omit<Refusal, 'file'> | undefined> {
    const body = new FormData();
    body.set('inputFile', new Blob([bytes]), name);
    const at = `people/${encodeURIComponent(person)}/faces?wait=${WAIT}`;
    const answer = await this.#ask(at, { method: 'POST', body, headers: { 'idempotency-key': key } });
    if (answer.status === 202) return this.#later(v.parse(QueuedSchema, await answer.json()).result);
    if (answer.ok) return undefined;
    const { type, detail, reason } = v.parse(ProblemSchema, await answer.json());
    return { reason: reason ?? type.slice(type.lastIndexOf(':') + 1), detail };
  }

  async #later(path: string): Promise<Omit<Refusal, 'file'> | undefined> {
    for (;;) {
      const answer = await this.#ask(`${path}?wait=${WAIT}`);
      if (answer.status === 202) continue;
      if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
      const result = v.parse(ResultSchema, await answer.json());
      return result.status === 'failed' ? { reason: result.reason, detail: result.detail } : undefined;
    }
  }

  /** The answer, whatever it says of the photo. Throws where the server does not serve us. */
  async #ask(path: string, init: RequestInit = {}): Promise<Response> {
    const { server, key, fetch: send = fetch, pause = sleep } = this.#options;
    const url = new URL(path, server);
    const headers = {
      ...(init.headers as Record<string, string>),
      ...(key && { authorization: `Bearer ${key}` }),
    };
    for (let tries = 1; ; tries++) {
      const answer = await send(url, { ...init, headers }).catch((error: unknown) => messageOf(error));
      if (typeof answer !== 'string') {
        if (answer.status === 401 || answer.status === 403)
          throw new SetupError(
            `${server.href} answers ${answer.status}: give --key-file with a key of scope people`,
          );
        if (answer.status !== 429 && answer.status < 500) return answer;
      }
      if (tries === TRIES)
        throw new SetupError(
          `${server.href}: ${typeof answer === 'string' ? answer : `answers ${answer.status}`}`,
        );
      const asked = typeof answer === 'string' ? Number.NaN : Number(answer.headers.get('retry-after'));
      await pause(asked > 0 ? asked * 1000 : FIRST_PAUSE_MS * 2 ** (tries - 1));
    }
  }
}

/** `facerec-web import`. Resolves to the exit code. */
export async function runImport(
  words: readonly string[],
  port: number,
  print: (text: string) => void,
  progress: ProgressLine,
): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: { server: { type: 'string' }, 'key-file': { type: 'string' } },
  });
  const [folder, more] = positionals;
  if (folder === undefined || more !== undefined) throw new SetupError('import: give one folder');
  const given = values.server ?? `http://127.0.0.1:${port}/`;
  const server = URL.parse(given.endsWith('/') ? given : `${given}/`);
  if (!server) throw new SetupError(`import: ${given} is no address such as http://127.0.0.1:8000`);
  const keyFile = values['key-file'];
  const key = keyFile === undefined ? undefined : (await readKey(keyFile)).trim();
  const { photos, enrolled, known, refused } = await importFolder({
    ...{ folder, server, key },
    progress: ({ photos, enrolled, known, refused }) =>
      progress.show(`${enrolled + known + refused.length} of ${photos} photos, ${refused.length} refused`),
  });
  progress.end();
  for (const { file, reason, detail } of refused) print(`${file}: ${reason}: ${detail}\n`);
  print(`${photos} photos: ${enrolled} enrolled, ${known} enrolled before, ${refused.length} refused\n`);
  return refused.length === 0 ? 0 : 1;
}

async function readKey(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(error => {
    throw new SetupError(`--key-file: ${messageOf(error)}`, { cause: error });
  });
}
