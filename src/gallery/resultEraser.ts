import * as v from 'valibot';
import { withoutPeople } from '../core/erasure.ts';
import { jsonBytes } from '../core/json.ts';
import { timeOf } from '../core/messages.ts';
import { parseResult } from '../core/results.ts';
import type { Blobs, Log } from '../ports.ts';

/** What the programs may read and write besides segments begins like the gallery's head. */
const STATE = 'head-erasures';
/** Ids of requests begin with the time, and that with 0 for centuries. */
const REQUESTS = '0';
/** A worker that did not know of the removal has stored its answer by then. */
const SETTLED_MS = 60_000;
/** How long one round works. */
const ROUND_MS = 2_000;
const A_LISTING = 1_000;
const AT_ONCE = 16;
const RESULT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\/.+\.json$/;

const removals = v.record(v.string(), v.string());
const StateSchema = v.object({
  v: v.literal(1),
  /** Stamps of the removals that have been dealt with, by person. */
  done: removals,
  /** The removals that are being dealt with, and the last key that was looked at. */
  walk: v.optional(v.object({ people: removals, after: v.string() })),
});
type State = v.InferOutput<typeof StateSchema>;
type Walk = NonNullable<State['walk']>;

export interface ResultEraserOptions {
  /** Holds how far it has come. */
  readonly gallery: Blobs;
  readonly output: Blobs;
  /** People who are gone, and the stamps of their removal. */
  readonly removals: () => ReadonlyMap<string, string>;
  readonly log: Log;
  /** ms since the epoch. */
  readonly now?: () => number;
}

/**
 * Takes people who were deleted out of the results that name them: looks at each stored result once, a while after the deletion,
 * whatever the store. Works in short rounds, and goes on where it was when the controller stops. To be run by one at a time.
 */
export class ResultEraser {
  readonly #options: ResultEraserOptions;
  readonly #now: () => number;
  #done: Record<string, string> | undefined;
  #walk: Walk | undefined;
  /** What was listed and not looked at yet, up to the key that the listing ended with; undefined at the end. */
  #keys: string[] = [];
  #listed: string | undefined;
  #changed = 0;
  #looked = 0;

  constructor(options: ResultEraserOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  async round(): Promise<void> {
    const walk = this.#walk ?? (await this.#begin());
    if (!walk) return;
    const end = this.#now() + ROUND_MS;
    const isGone = (person: string) => person in walk.people;
    while (this.#now() < end) {
      if (this.#keys.length === 0) await this.#list();
      if (this.#keys.length === 0 && this.#listed === undefined) return this.#finish(walk);
      const keys = this.#keys.slice(0, AT_ONCE);
      await Promise.all(keys.map(key => this.#erase(key, isGone)));
      this.#keys.splice(0, keys.length);
      walk.after = keys.at(-1) ?? walk.after;
    }
    await this.#save({ v: 1, done: this.#done ?? {}, walk });
  }

  async #list(): Promise<void> {
    if (this.#listed === undefined) return;
    const listed = await this.#options.output.list(REQUESTS, { after: this.#listed, limit: A_LISTING });
    this.#keys = listed.map(({ key }) => key).filter(key => RESULT.test(key));
    this.#listed = listed.at(-1)?.key;
  }

  /** The next walk, or the one that somebody else did not finish. */
  async #begin(): Promise<Walk | undefined> {
    const removed = [...this.#options.removals()].filter(
      ([, stamp]) => timeOf(stamp) <= this.#now() - SETTLED_MS,
    );
    if (removed.every(([person, stamp]) => this.#done?.[person] === stamp)) return undefined;
    const state = await this.#load();
    this.#done = state.done;
    const pending = removed.filter(([person, stamp]) => state.done[person] !== stamp);
    if (!state.walk && pending.length === 0) return undefined;
    const walk = state.walk ?? { people: Object.fromEntries(pending), after: '' };
    this.#walk = walk;
    this.#keys = [];
    this.#listed = walk.after;
    this.#changed = 0;
    this.#looked = 0;
    return walk;
  }

  async #finish({ people }: Walk): Promise<void> {
    const { log } = this.#options;
    const known = this.#options.removals();
    const done = { ...this.#done, ...people };
    // What the gallery has forgotten need not be remembered here.
    for (const person of Object.keys(done)) if (!known.has(person)) delete done[person];
    await this.#save({ v: 1, done });
    this.#done = done;
    this.#walk = undefined;
    for (const person of Object.keys(people))
      log.info('audit', { action: 'results-erased', person, by: 'controller' });
    log.info('results-erased', {
      people: Object.keys(people).length,
      results: this.#changed,
      looked: this.#looked,
    });
  }

  async #erase(key: string, isGone: (person: string) => boolean): Promise<void> {
    const { output } = this.#options;
    for (;;) {
      const stored = await output.get(key);
      const result = stored && parseResult(stored.body);
      if (!result) return;
      this.#looked++;
      const without = withoutPeople(result, isGone);
      if (without === result) return;
      this.#changed++;
      if (!without) return output.delete(key);
      const body = jsonBytes(without);
      const { etag: ifMatch } = stored;
      // What was deleted meanwhile stays so; what a worker stored again is looked at again.
      if ((await output.put(key, body, { contentType: 'application/json', ifMatch })) !== undefined) return;
    }
  }

  async #load(): Promise<State> {
    const stored = await this.#options.gallery.get(STATE);
    if (!stored) return { v: 1, done: {} };
    return v.parse(v.pipe(v.string(), v.parseJson(), StateSchema), new TextDecoder().decode(stored.body));
  }

  async #save(state: State): Promise<void> {
    await this.#options.gallery.put(STATE, jsonBytes(state));
  }
}
