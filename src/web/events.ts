import { fleetStatusKey, parseFleetStatus } from '../core/fleetStatus.ts';
import { timeOf } from '../core/messages.ts';
import type { Result } from '../core/results.ts';
import type { Blobs, Depth, Queue } from '../ports.ts';
import type { SetTimer } from '../runtime/time.ts';
import { newestFirst } from './listing.ts';
import { Problem } from './problem.ts';
import { resultOf } from './stored.ts';

const MOST_LISTENERS = 64;
/** Results that a listener who comes back is told of, and for how long, ms: they name people. */
const REMEMBERED = 256;
const REMEMBERED_MS = 60_000;
/** Of what a listener has not taken yet, bytes: a slower one is sent away, and comes back. */
const MOST_UNREAD = 262_144;
const LOOK_MS = 2_000;
/**
 * Other web servers take completions, too: their results are found in the store, where the photo came since then, ms. Each
 * listing costs money, so it is made seldom while the queue is empty.
 */
const OTHERS_MS = 300_000;
const IDLE_LISTING_MS = 10_000;
/** Results looked at in a listing. */
const MOST_LISTED = 1_000;
const HEARTBEAT_MS = 15_000;
/** Then the listener has to come again, and show again that it may listen. */
const LONGEST_MS = 300_000;
const MINUTE = 60_000;
/** Each reading of a result costs money: details of the others are at `/results/:id`. */
const DETAILS_MS = 500;

const encoder = new TextEncoder();
const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' };

export interface EventsOptions {
  readonly requests: Queue;
  readonly output: Blobs;
  /** Name of the fleet. */
  readonly fleet: string;
  /** ms since the epoch. */
  readonly now: () => number;
  readonly setTimer: SetTimer;
  /** Makes what tells this server's run from another one's. */
  readonly newId: () => string;
}

interface Known {
  /** ms since the epoch. */
  readonly since: number;
  /** Before its completion came, if that comes here at all, or with it. */
  readonly told: 'early' | 'duly';
}

interface Listener {
  send(text: string): void;
  end(): void;
}

/**
 * Server-sent events: results as they come, whichever web server took their completions, the queue and the fleet as they
 * change. Nothing is looked at while nobody listens.
 */
export class Events {
  readonly #options: EventsOptions;
  readonly #run: string;
  readonly #listeners = new Set<Listener>();
  #count = 0;
  #remembered: { readonly count: number; readonly at: number; readonly text: string }[] = [];
  /** Completions by second. */
  readonly #seconds = new Map<number, number>();
  #detailedAt = Number.NEGATIVE_INFINITY;
  /** Results that are known of here. */
  readonly #known = new Map<string, Known>();
  #listedAt = Number.NEGATIVE_INFINITY;
  /** Whether there may be new results of other web servers. */
  #busy = false;
  /** The last text of each kind. */
  readonly #state = new Map<string, string>();
  #stopLooking: (() => void) | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: EventsOptions) {
    this.#options = options;
    this.#run = options.newId().slice(-12);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** A completion of this id came: its result is stored. */
  completed(id: string): void {
    const { now } = this.#options;
    this.#busy = true;
    // Told already, when it was found in the store.
    if (this.#known.get(id)?.told === 'early') this.#learn(id, now(), 'duly');
    else this.#tellResult(id, 'duly');
  }

  #tellResult(id: string, told: Known['told']): void {
    const { now } = this.#options;
    this.#learn(id, now(), told);
    if (this.#listeners.size === 0 || now() - this.#detailedAt < DETAILS_MS) {
      this.#result({ id });
      return;
    }
    this.#detailedAt = now();
    void resultOf(this.#options.output, id).then(
      result => this.#result({ id, ...(result && outline(result)) }),
      () => this.#result({ id }),
    );
  }

  /** Remembers that there is a result, as long as listings may find it. */
  #learn(id: string, at: number, told: Known['told']): void {
    const now = this.#options.now();
    for (const [old, { since }] of this.#known) {
      if (since > now - OTHERS_MS - MINUTE) break;
      this.#known.delete(old);
    }
    const isNew = !this.#known.delete(id);
    this.#known.set(id, { since: now, told });
    if (!isNew) return;
    const second = Math.floor(at / 1_000);
    this.#seconds.set(second, (this.#seconds.get(second) ?? 0) + 1);
    for (const old of this.#seconds.keys()) if (old <= now / 1_000 - 60) this.#seconds.delete(old);
  }

  /** What `HEAD` is answered with. */
  static head(): Response {
    return new Response(null, { headers });
  }

  /**
   * @param signal fires when the listener has gone
   * @param lastId the last event that this listener has had, where it comes back
   */
  listen(signal: AbortSignal, lastId = ''): Response {
    if (this.#closed || this.#listeners.size >= MOST_LISTENERS)
      throw new Problem('busy', `At most ${MOST_LISTENERS} may listen at once. Try again later.`, {
        headers: { 'retry-after': '10' },
      });
    let leave = () => {};
    const stream = new ReadableStream<Uint8Array>(
      {
        start: controller => {
          leave = this.#join(controller, lastId);
          signal.addEventListener('abort', leave);
        },
        cancel: () => leave(),
      },
      { highWaterMark: MOST_UNREAD, size: chunk => chunk?.length ?? 0 },
    );
    return new Response(stream, { headers });
  }

  /** Sends all listeners away, now and from now on. */
  close(): void {
    this.#closed = true;
    for (const listener of [...this.#listeners]) listener.end();
  }

  #join(controller: ReadableStreamDefaultController<Uint8Array>, lastId: string): () => void {
    const { setTimer } = this.#options;
    const cancels: (() => void)[] = [];
    const leave = () => {
      for (const cancel of cancels.splice(0)) cancel();
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#rest();
    };
    const listener: Listener = {
      send: text => {
        controller.enqueue(encoder.encode(text));
        if ((controller.desiredSize ?? 0) <= 0) listener.end();
      },
      end: () => {
        if (!this.#listeners.has(listener)) return;
        leave();
        controller.close();
      },
    };
    const beat = () => {
      listener.send(': still here\n\n');
      if (this.#listeners.has(listener)) cancels[0] = setTimer(beat, HEARTBEAT_MS);
    };
    cancels.push(
      setTimer(beat, HEARTBEAT_MS),
      setTimer(() => listener.end(), LONGEST_MS),
    );
    this.#listeners.add(listener);
    listener.send('retry: 2000\n\n');
    const [run, count] = lastId.split('.');
    for (const event of this.#rememberedNow())
      if (run === this.#run && event.count > Number(count)) listener.send(event.text);
    for (const text of this.#state.values()) listener.send(text);
    if (!this.#stopLooking) this.#schedule(Math.max(0, this.#lookedAt + LOOK_MS - this.#options.now()));
    return leave;
  }

  #result(data: object): void {
    const count = ++this.#count;
    const text = `event: result\nid: ${this.#run}.${count}\ndata: ${JSON.stringify(data)}\n\n`;
    const at = this.#options.now();
    this.#remembered = [...this.#rememberedNow(), { count, at, text }].slice(-REMEMBERED);
    this.#tell(text);
  }

  #rememberedNow() {
    const since = this.#options.now() - REMEMBERED_MS;
    return this.#remembered.filter(({ at }) => at > since);
  }

  #tell(text: string): void {
    for (const listener of [...this.#listeners]) listener.send(text);
  }

  #schedule(ms: number): void {
    const cancel = this.#options.setTimer(() => void this.#look(cancel), ms);
    this.#stopLooking = cancel;
  }

  #rest(): void {
    this.#stopLooking?.();
    this.#stopLooking = undefined;
    // Who comes next would be told what may be long past.
    this.#state.clear();
  }

  async #look(mine: () => void): Promise<void> {
    const { requests, output, fleet, now } = this.#options;
    this.#lookedAt = now();
    const [depth, status] = await Promise.all([
      requests.depth().catch(() => null),
      output.get(fleetStatusKey(fleet)).then(
        stored => (stored ? (parseFleetStatus(stored.body) ?? null) : null),
        () => null,
      ),
    ]);
    await this.#tellOfOthers(depth);
    // Everybody left meanwhile; somebody else may have come, for whom another look is due.
    if (this.#stopLooking !== mine) return;
    this.#update('queue', depth && { ...depth, answeredLastMinute: this.#lastMinute() });
    this.#update('fleet', status);
    this.#schedule(LOOK_MS);
  }

  /** Finds the results whose completions other web servers took. */
  async #tellOfOthers(depth: Depth | null): Promise<void> {
    const { output, now } = this.#options;
    const before = this.#busy;
    this.#busy = depth === null || depth.visible + depth.inFlight > 0;
    const listedMsAgo = now() - this.#listedAt;
    if (!before && !this.#busy && listedMsAgo < IDLE_LISTING_MS) return;
    const ids: string[] = [];
    try {
      for await (const keys of newestFirst(output, now(), now() - OTHERS_MS)) {
        ids.push(...keys.map(key => key.slice(0, 36)));
        if (ids.length >= MOST_LISTED) break;
      }
    } catch {
      return;
    }
    this.#listedAt = now();
    // Nobody listened then: what came meanwhile is counted and not told.
    const away = listedMsAgo > IDLE_LISTING_MS + 2 * LOOK_MS;
    for (const id of ids.reverse().filter(found => !this.#known.has(found))) {
      if (away) this.#learn(id, timeOf(id), 'duly');
      else this.#tellResult(id, 'early');
    }
  }

  #lastMinute(): number {
    const since = Math.floor((this.#options.now() - MINUTE) / 1_000);
    return [...this.#seconds].reduce((sum, [second, count]) => (second > since ? sum + count : sum), 0);
  }

  #update(kind: string, data: object | null): void {
    const text = `event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`;
    if (this.#state.get(kind) === text) return;
    this.#state.set(kind, text);
    this.#tell(text);
  }
}

/** Nothing of the photo, not even its name. */
function outline(result: Result) {
  if (result.status === 'failed') return { status: result.status, reason: result.reason };
  if ('label' in result)
    return { status: result.status, kind: 'recognise', label: result.label, faces: result.faces.length };
  return { status: result.status, kind: 'enrol', person: result.person };
}
