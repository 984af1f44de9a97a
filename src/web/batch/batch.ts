import { messageOf } from '../../core/errors.ts';
import { type RecogniseRequest, resultKey } from '../../core/messages.ts';
import { readBody, tooLarge } from '../body.ts';
import type { Deps, Handler, Routes } from '../deps.ts';
import { derivedId, idFor } from '../idempotency.ts';
import { scopeOf } from '../intake.ts';
import { Problem, problemOf } from '../problem.ts';
import { thresholdOf } from '../recognise.ts';
import { resultPath } from '../reply.ts';
import { submit } from '../submit.ts';
import { photoOf } from '../upload.ts';
import { type BatchFile, filesOf, MAX_FILES } from './files.ts';

/** Room for boundaries, headers and further fields, bytes a file. */
const SLACK = 1_024;
/** Photos that are being stored at a time. */
const AT_ONCE = 8;

export const DEFAULT_BATCH_BYTES = 100 * 1024 * 1024;

type Outcome =
  | { readonly file: string; readonly status: 'queued'; readonly id: string; readonly result: string }
  | { readonly file: string; readonly status: 'refused'; readonly problem: Problem };

/** `POST /batch`: many photos in one request. Each is accepted or refused for itself. */
export function batchRoutes(deps: Deps): Routes {
  const { maxBatchBytes = DEFAULT_BATCH_BYTES } = deps.options;
  const post: Handler = async c => {
    const request = c.req.raw;
    deps.keepOpen(request);
    const claim = deps.memory.claim();
    try {
      const limit = maxBatchBytes + MAX_FILES * SLACK;
      const body = await readBody(request, limit, { announced: maxBatchBytes, claim });
      const { files, fields, pieces } = filesOf(body, c.req.header('content-type') ?? '');
      const threshold = thresholdOf(c.req.query('threshold') ?? fields.get('threshold'));
      const key = c.req.header('idempotency-key');
      const content = [JSON.stringify(threshold), ...pieces];
      const { newId, now } = deps;
      const base = await idFor(deps.output, { key, scope: scopeOf(c), content, newId, now });
      const outcomes = await takeAll(deps, files, maxBatchBytes, async (n, file, take) => {
        const id = derivedId(base.id, n);
        const photo: RecogniseRequest = {
          v: 1,
          kind: 'recognise',
          id,
          file,
          trace: c.get('trace'),
          ...threshold,
        };
        if (!base.repeated || !(await deps.output.get(resultKey(photo))))
          await take(photo, key !== undefined);
        return id;
      });
      return reply(outcomes);
    } finally {
      claim.end();
    }
  };
  return { '/batch': { POST: post } };
}

type Take = (photo: RecogniseRequest, shared: boolean) => Promise<void>;

/** Reads and stores the files, some at a time; `accept` makes a request of each, has it taken, and tells its id. */
async function takeAll(
  deps: Deps,
  files: readonly BatchFile[],
  maxBytes: number,
  accept: (n: number, file: string, take: Take) => Promise<string>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const budget = new Budget(deps.options.maxUploadBytes, maxBytes);
  const takeOne = async (n: number, sent: BatchFile): Promise<Outcome> => {
    const file = sent.name ?? '';
    const claim = deps.memory.claim();
    try {
      const content = await budget.spend(limit => sent.read(limit));
      claim.add(content.length);
      const upload = photoOf(content, sent.name, deps.options.maxUploadBytes);
      const id = await accept(n, upload.file, (photo, shared) => submit(deps, photo, upload, shared));
      return { file, status: 'queued', id, result: resultPath(id) };
    } catch (error) {
      const problem = problemOf(error, deps.newId());
      if (problem.status >= 500)
        deps.log.error('batch-file-failed', { error: messageOf(problem.cause ?? error) });
      return { file, status: 'refused', problem };
    } finally {
      claim.end();
    }
  };
  const queue = files.entries();
  const taker = async () => {
    for (const [n, file] of queue) outcomes[n] = await takeOne(n, file);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, taker));
  return outcomes;
}

/** Bounds what is unpacked of a batch: each file, and all of them together, those that were too large among them. */
class Budget {
  readonly #each: number;
  readonly #all: number;
  #left: number;

  /** Bytes. */
  constructor(each: number, all: number) {
    this.#each = each;
    this.#all = all;
    this.#left = all;
  }

  async spend(read: (limit: number) => Promise<Uint8Array>): Promise<Uint8Array> {
    const limit = Math.min(this.#each, this.#left);
    if (limit <= 0) throw tooLarge(this.#all);
    // Before it is read, because others are being read at the same time.
    this.#left -= limit;
    const content = await read(limit).catch(error => {
      const isTooLarge = error instanceof Problem && error.slug === 'too-large';
      if (!isTooLarge) this.#left += limit;
      throw isTooLarge && limit < this.#each ? tooLarge(this.#all) : error;
    });
    this.#left += limit - content.length;
    return content;
  }
}

/** 202 when at least one was accepted. */
function reply(outcomes: readonly Outcome[]): Response {
  const files = outcomes.map(outcome =>
    outcome.status === 'queued' ? outcome : { ...outcome, problem: outcome.problem.toJSON() },
  );
  const queued = outcomes.filter(({ status }) => status === 'queued').length;
  const body = { queued, refused: outcomes.length - queued, files };
  if (queued > 0) return Response.json(body, { status: 202, headers: { 'retry-after': '1' } });
  const [first] = outcomes;
  if (first?.status === 'refused' && first.problem.status >= 500) throw first.problem;
  throw new Problem('nothing-accepted', 'Each file was refused, for the reason beside it.', { extra: body });
}
