import { FIRST_WORK_SECONDS, isToBeat } from '../core/heartbeat.ts';
import type { AcceptedCount } from '../core/scaling/types.ts';
import { Agenda } from './agenda.ts';
import type { Arrivals } from './arrivals.ts';
import type { Cloud, Controller, ControllerKind, Launch, Reply, Shown } from './controller.ts';
import { type Outcome, Tally } from './outcome.ts';
import { QueueModel } from './queueModel.ts';
import { draw, exponential, generator } from './random.ts';
import type { Setting } from './setting.ts';
import { Teller } from './teller.ts';
import { type Heartbeat, Worker } from './worker.ts';

/** Time after the end of the arrivals in which every message can still be served. Costs nothing. */
const AFTERMATH_SECONDS = 3600;
/** EC2 lists what has ended for about an hour. */
const LISTED_SECONDS = 3600;

/** What a draw is for; see `draw`. */
const purpose = {
  boot: 1,
  pending: 2,
  launchShown: 3,
  endShown: 4,
  service: 5,
  noCapacity: 6,
  lostReply: 7,
  deadBoot: 8,
  kill: 9,
  grant: 10,
  lastPoll: 11,
  firstTick: 12,
  firstBoot: 13,
} as const;

/** Plays the arrivals against a controller. Deterministic: the same arguments give the same outcome. */
export function simulate(arrivals: Arrivals, setting: Setting, seed: number, kind: ControllerKind): Outcome {
  return new World(arrivals, setting, seed, kind).run();
}

class World implements Cloud {
  readonly #setting: Setting;
  readonly #seed: number;
  readonly #arrivals: Arrivals;
  readonly #agenda = new Agenda();
  readonly #queue = new QueueModel();
  readonly #teller = new Teller();
  readonly #workers: Worker[] = [];
  readonly #alive = new Set<Worker>();
  #waiting: Worker[] = [];
  readonly #tokens = new Map<string, Worker>();
  readonly #doneAt: Float64Array;
  #completed = 0;
  #launches = 0;
  readonly #tally = new Tally();
  readonly #controllers: Controller[];
  readonly #chance: () => number;
  readonly #lag: () => number;
  now = 0;

  constructor(arrivals: Arrivals, setting: Setting, seed: number, kind: ControllerKind) {
    this.#arrivals = arrivals;
    this.#setting = setting;
    this.#seed = seed;
    this.#doneAt = new Float64Array(arrivals.times.length).fill(-1);
    this.#chance = generator(seed * 31 + 5);
    this.#lag = generator(seed * 131 + 7);
    this.#controllers = Array.from({ length: setting.controllers }, () => kind({ setting, seed, arrivals }));
  }

  run(): Outcome {
    const { times, seconds } = this.#arrivals;
    const { min, faults } = this.#setting;
    for (let slot = 0; slot < min; slot++) this.#begin(slot);
    this.#controllers.forEach((controller, i) => {
      const tick = () => {
        this.#agenda.plan(this.now + controller.tick(this), tick);
      };
      this.#agenda.plan(1 + 4 * this.#draw('firstTick', i), tick);
    });
    if (faults.amnesiaSeconds > 0)
      for (let t = faults.amnesiaSeconds; t < seconds; t += faults.amnesiaSeconds)
        this.#agenda.plan(t + 0.5, () => {
          for (const controller of this.#controllers) controller.forget();
        });

    const end = seconds + AFTERMATH_SECONDS;
    let message = 0;
    let second = 1;
    for (;;) {
      const arrival = times[message] ?? Number.POSITIVE_INFINITY;
      const next = Math.min(arrival, second, this.#agenda.next);
      if (next > end || (next > seconds && this.#completed === times.length)) break;
      this.now = next;
      if (arrival === next) {
        this.#offer(message++);
        this.#teller.look(next, message);
      } else if (second === next) {
        this.#teller.look(second, message);
        this.#remember(second++ <= seconds);
      } else this.#agenda.take()();
    }
    return this.#tally.outcome(this.#arrivals, this.#setting, this.#workers, this.#doneAt, end);
  }

  // ---- what a controller sees and does

  depth(): { visible: number; inFlight: number } {
    const { mean, most } = this.#setting.queueLag;
    this.#tally.queueCalls++;
    const lag = () => Math.min(most, exponential(mean, this.#lag()));
    return this.#queue.seen(this.now, lag(), lag());
  }

  accepted(): AcceptedCount | undefined {
    return this.#setting.told ? this.#teller.seen(this.now) : undefined;
  }

  describe(): Shown[] {
    this.#tally.describes++;
    const { now } = this;
    return this.#workers
      .filter(w => now >= w.shownAt && now < w.endedAt + LISTED_SECONDS)
      .map(w => this.#show(w, now >= w.endShownAt));
  }

  group(): Shown[] {
    return [...this.#alive].map(w => this.#show(w, false));
  }

  heartbeats(): ReadonlyMap<number, { readyAt: number; heartbeat: Heartbeat }> {
    const told = new Map<number, { readyAt: number; heartbeat: Heartbeat }>();
    for (const { index, readyAt, heartbeat } of this.#alive)
      if (heartbeat) told.set(index, { readyAt, heartbeat });
    return told;
  }

  launch({ slot = -1, token, tag, boot }: Launch = {}): Reply {
    this.#tally.runs++;
    const before = token === undefined ? undefined : this.#tokens.get(token);
    if (before)
      return before.ended ? { kind: 'over' } : { kind: 'launched', instance: this.#show(before, false) };
    const { faults, pending, describeLag } = this.#setting;
    const nth = this.#launches++;
    const happens = (what: keyof typeof purpose, part: number) => part > 0 && this.#draw(what, nth) < part;
    if (happens('noCapacity', faults.noCapacity)) return { kind: 'no-capacity' };
    const range = this.#setting.boot;
    const takes = boot ?? range.from + (range.to - range.from) * this.#draw('boot', nth);
    const pends = pending.from + (pending.to - pending.from) * this.#draw('pending', nth);
    const worker = this.#add(
      new Worker(
        this.#workers.length,
        { slot, tag },
        {
          launched: this.now,
          running: this.now + Math.min(takes, pends),
          shown: this.now + describeLag * this.#draw('launchShown', nth),
          ready: this.now + takes,
        },
      ),
    );
    this.#tally.launched(this.#alive.size);
    if (token !== undefined) this.#tokens.set(token, worker);
    if (!happens('deadBoot', faults.deadBoots)) this.#agenda.plan(worker.readyAt, () => this.#ready(worker));
    if (faults.killsPerHour > 0)
      this.#agenda.plan(this.now + exponential(3600 / faults.killsPerHour, this.#draw('kill', nth)), () =>
        this.#end(worker, 'killed'),
      );
    if (happens('lostReply', faults.lostReplies)) return { kind: 'lost' };
    return { kind: 'launched', instance: this.#show(worker, false) };
  }

  terminate(indices: readonly number[]): void {
    if (indices.length === 0) return;
    this.#tally.terminates++;
    for (const index of indices) this.#end(this.#workers[index]!, 'terminated');
  }

  drain(indices: readonly number[], delay?: number): void {
    if (indices.length > 0) this.#tally.grants++;
    for (const index of indices) {
      const worker = this.#workers[index]!;
      if (worker.ended || worker.granted) continue;
      worker.granted = true;
      const after = delay ?? this.#setting.grantLag * this.#draw('grant', index);
      this.#agenda.plan(this.now + after, () => this.#stop(worker));
    }
  }

  // ---- instances

  /** An instance that has been there before the start. */
  #begin(slot: number): void {
    const { from, to } = this.#setting.boot;
    const launched = -(from + (to - from) * this.#draw('firstBoot', slot));
    const worker = this.#add(
      new Worker(this.#workers.length, { slot }, { launched, running: launched, shown: launched, ready: 0 }),
    );
    this.#agenda.plan(0, () => this.#ready(worker));
  }

  #add(worker: Worker): Worker {
    this.#workers.push(worker);
    this.#alive.add(worker);
    return worker;
  }

  #ready(worker: Worker): void {
    if (worker.ended) return;
    worker.ready = true;
    let look = 0;
    const beat = () => {
      if (worker.ended) return;
      this.#agenda.plan(this.now + FIRST_WORK_SECONDS, beat);
      if (!isToBeat(look++, worker.processed, worker.heartbeat?.processed ?? 0)) return;
      const { processed, busySeconds, busy, idleSince } = worker;
      worker.heartbeat = {
        at: this.now,
        processed,
        busySeconds,
        idleSince: busy ? null : idleSince,
      };
    };
    this.#next(worker);
    beat();
  }

  /** Takes the next message, or waits for one. */
  #next(worker: Worker): void {
    if (worker.ended) return;
    if (worker.stopping) {
      this.#end(worker, 'left');
      return;
    }
    for (let message = this.#queue.take(); message !== undefined; message = this.#queue.take())
      if (this.#doneAt[message]! < 0) {
        this.#serve(worker, message);
        return;
      }
    worker.idleSince = this.now;
    const turn = ++worker.turn;
    this.#waiting.push(worker);
    if (this.#controllers[0]?.ownLeave !== 'never')
      this.#agenda.plan(this.now + this.#setting.idleSeconds, () => this.#considerLeaving(worker, turn));
  }

  #serve(worker: Worker, message: number): void {
    const { seconds, shape, spread, overhead } = this.#setting.service;
    const uniform = this.#draw('service', message);
    const work =
      shape === 'uniform' ? seconds * (1 + spread * (2 * uniform - 1)) : exponential(seconds, uniform);
    worker.message = message;
    worker.receivedAt = this.now;
    const turn = ++worker.turn;
    this.#queue.inFlight++;
    this.#agenda.plan(this.now + work + overhead, () => {
      if (!worker.ended && worker.turn === turn) this.#finish(worker, message);
    });
  }

  #finish(worker: Worker, message: number): void {
    this.#queue.inFlight--;
    worker.message = -1;
    worker.processed++;
    worker.busySeconds += this.now - worker.receivedAt;
    if (this.#doneAt[message]! < 0) {
      this.#doneAt[message] = this.now;
      this.#completed++;
    }
    this.#next(worker);
  }

  /** A message that is visible now: for one of those that wait, or for the queue. */
  #offer(message: number): void {
    const { length } = this.#waiting;
    if (length === 0) {
      this.#queue.add(message);
      return;
    }
    const chosen = Math.floor(this.#chance() * length);
    const worker = this.#waiting[chosen]!;
    this.#waiting[chosen] = this.#waiting[length - 1]!;
    this.#waiting.pop();
    this.#serve(worker, message);
  }

  /** The drain grant has arrived: no message after the one in hand, or after the long poll that is open. */
  #stop(worker: Worker): void {
    if (worker.ended) return;
    if (!worker.ready) {
      this.#end(worker, 'left');
      return;
    }
    worker.stopping = true;
    if (worker.busy) return;
    const poll = this.#setting.pollSeconds * this.#draw('lastPoll', worker.index);
    this.#agenda.plan(this.now + poll, () => {
      if (!worker.busy) this.#end(worker, 'left');
    });
  }

  #considerLeaving(worker: Worker, turn: number): void {
    if (worker.ended || worker.turn !== turn) return;
    const again = (at: number) => this.#agenda.plan(at, () => this.#considerLeaving(worker, turn));
    const { min, minRuntimeSeconds } = this.#setting;
    const old = worker.launchedAt + minRuntimeSeconds;
    if (this.now < old) again(old);
    else if (this.#controllers[0]?.ownLeave === 'idle') this.#end(worker, 'left');
    else {
      const order = this.describe().filter(({ state, granted }) => state !== 'terminated' && !granted);
      if (order.findIndex(({ index }) => index === worker.index) >= min) this.#end(worker, 'left');
      else again(this.now + 60);
    }
  }

  #end(worker: Worker, why: 'left' | 'terminated' | 'killed'): void {
    if (worker.ended) return;
    worker.endedAt = this.now;
    worker.endShownAt = this.now + this.#setting.describeLag * this.#draw('endShown', worker.index);
    this.#alive.delete(worker);
    const place = this.#waiting.indexOf(worker);
    if (place >= 0) this.#waiting.splice(place, 1);
    if (!worker.busy) return;
    if (why !== 'killed') this.#tally.busyKills++;
    const { message } = worker;
    this.#agenda.plan(worker.receivedAt + this.#setting.visibilitySeconds, () => {
      this.#queue.inFlight--;
      if (this.#doneAt[message]! < 0) this.#offer(message);
    });
  }

  #remember(counts: boolean): void {
    this.#queue.remember();
    if (!counts) return;
    let ready = 0;
    for (const worker of this.#alive) if (worker.ready) ready++;
    this.#tally.second(this.#queue.visible + this.#queue.inFlight, this.#alive.size, ready, this.#setting);
  }

  #show(worker: Worker, ended: boolean): Shown {
    const { index, slot, tag, launchedAt, runningAt, granted, ready } = worker;
    const state = ended ? 'terminated' : this.now < runningAt ? 'pending' : 'running';
    return { index, slot, tag, launchedAt, state, granted, ready };
  }

  #draw(what: keyof typeof purpose, index: number): number {
    return draw(this.#seed, purpose[what], index);
  }
}
