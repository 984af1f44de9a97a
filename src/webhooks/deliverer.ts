import { withoutPeople } from '../core/erasure.ts';
import { messageOf } from '../core/errors.ts';
import { parseResult } from '../core/results.ts';
import type { BlobInfo, Blobs, Log } from '../ports.ts';
import { eventTypeOf, type Hook, hooksDocument } from './hooks.ts';
import { type Entry, outboxPrefix, postpone, readEntry } from './outbox.ts';
import { type Delivery, send } from './send.ts';
import { signed } from './sign.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
/** Before each further attempt; the last one repeats. */
const PAUSES = [5, 15, 60, 300, 900, 1_800, 3_600, 7_200, 14_400].map(seconds => seconds * SECOND);
const GIVEN_UP_MS = 24 * HOUR;
/** How often the registered webhooks are read: seldom as long as there is none, since each reading costs. */
const READ_MS = { some: 3 * SECOND, none: 30 * SECOND };
/** Deliveries to one webhook: a round, and at a time. */
const A_ROUND = 64;
/** Entries looked at a round; those after them are looked at in the next one. */
const A_LISTING = 1_000;
const AT_ONCE = 4;
/** Failures in a row after which a webhook is left alone until the next round. */
const PATIENCE = 4;

export interface DelivererOptions {
  readonly gallery: Blobs;
  readonly output: Blobs;
  readonly log: Log;
  readonly privateAllowed: boolean;
  /** People who are gone, by id: nobody is told of them, even before they are taken out of the results. */
  readonly removals?: () => ReadonlyMap<string, unknown>;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** ms since the epoch. */
  readonly now?: () => number;
  readonly post?: (delivery: Delivery) => Promise<number>;
}

/** Tells webhooks of results. To be run by one process at a time; what it leaves undone, the next one does. */
export class Deliverer {
  readonly #options: Required<Omit<DelivererOptions, 'signal' | 'timeoutMs' | 'removals'>> & DelivererOptions;
  readonly #document: ReturnType<typeof hooksDocument>;
  /** When what is in the outbox is due, as far as it has been read, by key. */
  readonly #due = new Map<string, number>();
  /** The last entry that was looked at, by webhook. */
  readonly #after = new Map<string, string>();
  #gone: ReadonlyMap<string, unknown> | undefined;
  #hooks: readonly Hook[] = [];
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(options: DelivererOptions) {
    this.#options = { now: Date.now, post: send, ...options };
    this.#document = hooksDocument(options.gallery);
  }

  /** One round: delivers what is due. A slow webhook delays no other one, and the round only for a bounded time. */
  async round(): Promise<void> {
    await this.#readHooks();
    this.#gone = undefined;
    await Promise.all(this.#hooks.map(hook => this.#tell(hook)));
  }

  async #readHooks(): Promise<void> {
    const now = this.#options.now();
    if (now - this.#readAt < (this.#hooks.length > 0 ? READ_MS.some : READ_MS.none)) return;
    const { hooks } = await this.#document.read();
    const gone = this.#hooks.filter(({ id }) => !hooks.some(hook => hook.id === id));
    this.#hooks = hooks;
    this.#readAt = now;
    for (const { id } of gone)
      for (const { key } of await this.#options.output.list(outboxPrefix(id))) await this.#done(key);
  }

  async #tell(hook: Hook): Promise<void> {
    const { output, now } = this.#options;
    const after = this.#after.get(hook.id);
    const listed = await output.list(outboxPrefix(hook.id), {
      limit: A_LISTING,
      ...(after !== undefined && { after }),
    });
    const due = listed.filter(({ key }) => (this.#due.get(key) ?? 0) <= now()).slice(0, A_ROUND);
    this.#goOn(hook, listed, due);
    const queue = due.values();
    let failures = 0;
    const teller = async () => {
      for (const { key } of queue) {
        if (failures >= PATIENCE || this.#options.signal?.aborted) return;
        failures = (await this.#deliver(hook, key)) ? 0 : failures + 1;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, teller));
  }

  /** Where the next round looks: after what this one has dealt with, and from the start at the end. */
  #goOn({ id }: Hook, listed: readonly BlobInfo[], due: readonly BlobInfo[]): void {
    const last =
      due.length === A_ROUND ? due.at(-1) : listed.length === A_LISTING ? listed.at(-1) : undefined;
    if (last) this.#after.set(id, last.key);
    else this.#after.delete(id);
  }

  /** False when it failed, so that it is to be tried again. */
  async #deliver(hook: Hook, key: string): Promise<boolean> {
    const { output, now, post, privateAllowed, signal, timeoutMs } = this.#options;
    const entry = await readEntry(output, key);
    if (!entry) return this.#done(key);
    if (entry.nextAt > now()) {
      this.#due.set(key, entry.nextAt);
      return true;
    }
    const body = await this.#bodyFor(hook, entry);
    if (body === undefined) return this.#done(key);
    const headers = signed(hook.secret, entry.id, now(), body);
    const optional = { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) };
    const problem = await post({ url: hook.url, headers, body, privateAllowed, ...optional }).then(
      status => (status >= 200 && status < 300 ? undefined : `answered ${status}`),
      error => messageOf(error),
    );
    if (problem === undefined) return this.#done(key);
    if (signal?.aborted) return false;
    await this.#again(hook, key, entry, problem);
    return false;
  }

  async #again(hook: Hook, key: string, entry: Entry, problem: string): Promise<void> {
    const { output, now, log } = this.#options;
    const attempts = entry.attempts + 1;
    const nextAt = now() + (PAUSES[entry.attempts] ?? PAUSES.at(-1)!);
    const fields = { webhook: hook.id, id: entry.id, attempts, problem };
    if (nextAt > entry.at + GIVEN_UP_MS) {
      log.error('webhook-given-up', fields);
      await this.#done(key);
      return;
    }
    log.warn('webhook-failed', fields);
    await postpone(output, hook.id, { ...entry, attempts, nextAt });
    this.#due.set(key, nextAt);
  }

  /** undefined where the webhook need not be told: the result is gone, or of a kind that it does not want. */
  async #bodyFor(hook: Hook, { id, at }: Entry): Promise<string | undefined> {
    const { output } = this.#options;
    const [info] = await output.list(`${id}/`, { limit: 1 });
    const stored = info && (await output.get(info.key));
    const result = stored && parseResult(stored.body);
    this.#gone ??= this.#options.removals?.() ?? new Map();
    const data = result && withoutPeople(result, person => this.#gone?.has(person) ?? false);
    if (!data || !hook.events.includes(eventTypeOf(data))) return undefined;
    return JSON.stringify({ type: eventTypeOf(data), timestamp: new Date(at).toISOString(), data });
  }

  async #done(key: string): Promise<true> {
    await this.#options.output.delete(key);
    this.#due.delete(key);
    return true;
  }
}
