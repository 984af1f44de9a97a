import type { AcceptedCount } from '../../src/core/scaling/types.ts';
import type { Cloud, Launch, Reply, Shown } from '../../src/simulate/controller.ts';
import type { Heartbeat } from '../../src/simulate/worker.ts';

interface Machine {
  readonly index: number;
  readonly slot: number;
  readonly tag: string | undefined;
  readonly launchedAt: number;
  /** When its worker says hello; infinity when it never will. */
  readonly readyAt: number;
  readonly shownAt: number;
  endedAt: number;
  endShownAt: number;
  granted: boolean;
  /** When the message in hand is done; undefined while idle. */
  busyUntil: number | undefined;
  processed: number;
}

/** What goes wrong with the next launches, or counts, or views. */
export interface Troubles {
  lostReplies: number;
  noCapacity: number;
  deadBoots: number;
  /** How long EC2 hides launches and ends from now on, s. */
  describeLag: number;
  /** How old the counts of the queue are from now on, s. */
  countLag: number;
  /** Of what arrives, the web servers tell so much from now on. */
  told: 'all' | 'half' | 'nothing';
  /** Another one for each time that their count began anew. */
  basis: number;
}

/** A small EC2 with client tokens, a queue, and workers that take one message at a time. One second is one step. */
export class CloudModel implements Cloud {
  readonly troubles: Troubles = {
    lostReplies: 0,
    noCapacity: 0,
    deadBoots: 0,
    describeLag: 3,
    countLag: 2,
    told: 'all',
    basis: 1,
  };
  readonly #service: number;
  readonly #boots: readonly number[];
  readonly #machines: Machine[] = [];
  readonly #tokens = new Map<string, Machine>();
  readonly #depths: { visible: number; inFlight: number }[] = [];
  readonly #arrivals: number[] = [];
  #told = 0;
  #launches = 0;
  #visible = 0;
  now = 0;
  arrived = 0;
  done = 0;
  /** Messages that a TerminateInstances tore out of a worker's hand. */
  busyKills = 0;
  mostAlive = 0;

  /** @param boots seconds, used in turn */
  constructor(service: number, boots: readonly number[]) {
    this.#service = service;
    this.#boots = boots;
  }

  get alive(): Machine[] {
    return this.#machines.filter(({ endedAt }) => endedAt > this.now);
  }

  get inHand(): number {
    return this.alive.filter(({ busyUntil }) => busyUntil !== undefined).length;
  }

  get visible(): number {
    return this.#visible;
  }

  arrive(count: number): void {
    this.arrived += count;
    this.#visible += count;
  }

  pass(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      this.now++;
      for (const machine of this.alive) this.#work(machine);
      this.#arrivals.push(this.arrived);
      this.#depths.push({ visible: this.#visible, inFlight: this.inHand });
    }
  }

  /** A spot interruption without notice, or broken hardware: what it held becomes visible again. */
  kill(which: number): void {
    const { alive } = this;
    const machine = alive[which % Math.max(1, alive.length)];
    if (machine) this.#end(machine);
  }

  #work(machine: Machine): void {
    if (machine.readyAt > this.now) {
      if (machine.granted) this.#end(machine);
      return;
    }
    if (machine.busyUntil !== undefined && machine.busyUntil <= this.now) {
      machine.busyUntil = undefined;
      machine.processed++;
      this.done++;
    }
    if (machine.busyUntil !== undefined) return;
    if (machine.granted) this.#end(machine);
    else if (this.#visible > 0) {
      this.#visible--;
      machine.busyUntil = this.now + this.#service;
    }
  }

  #end(machine: Machine): void {
    if (machine.busyUntil !== undefined) this.#visible++;
    machine.busyUntil = undefined;
    machine.endedAt = this.now;
    machine.endShownAt = this.now + this.troubles.describeLag;
  }

  depth(): { visible: number; inFlight: number } {
    const { length } = this.#depths;
    return this.#depths[Math.max(0, length - 1 - this.troubles.countLag)] ?? { visible: 0, inFlight: 0 };
  }

  /** Others may have sent some of it, and what was told last may be old. */
  accepted(): AcceptedCount | undefined {
    const { told, countLag } = this.troubles;
    if (told === 'nothing') return undefined;
    const count = this.#arrivals[Math.max(0, this.#arrivals.length - 1 - Math.min(countLag, 2))] ?? 0;
    this.#told = Math.max(this.#told, told === 'half' ? count >> 1 : count);
    return { count: this.#told, since: this.now < 60 ? 0 : null, basis: this.troubles.basis };
  }

  describe(): Shown[] {
    return this.#machines.filter(({ shownAt }) => shownAt <= this.now).map(machine => this.#show(machine));
  }

  group(): Shown[] {
    return this.alive.map(machine => this.#show(machine));
  }

  heartbeats(): ReadonlyMap<number, { readyAt: number; heartbeat: Heartbeat }> {
    return new Map(
      this.alive
        .filter(({ readyAt }) => readyAt <= this.now)
        .map(({ index, readyAt, processed, busyUntil }) => {
          const idleSince = busyUntil === undefined ? this.now : null;
          const busySeconds = processed * this.#service;
          return [index, { readyAt, heartbeat: { at: this.now, processed, busySeconds, idleSince } }];
        }),
    );
  }

  launch({ slot = -1, tag, token }: Launch = {}): Reply {
    const before = token === undefined ? undefined : this.#tokens.get(token);
    if (before)
      return before.endedAt <= this.now
        ? { kind: 'over' }
        : { kind: 'launched', instance: this.#show(before) };
    if (this.#happens('noCapacity')) return { kind: 'no-capacity' };
    const boot = this.#boots[this.#launches++ % this.#boots.length]!;
    const machine: Machine = {
      ...{ index: this.#machines.length, slot, tag, launchedAt: this.now },
      readyAt: this.#happens('deadBoots') ? Number.POSITIVE_INFINITY : this.now + boot,
      shownAt: this.now + this.troubles.describeLag,
      ...{ endedAt: Number.POSITIVE_INFINITY, endShownAt: Number.POSITIVE_INFINITY },
      ...{ granted: false, busyUntil: undefined, processed: 0 },
    };
    this.#machines.push(machine);
    if (token !== undefined) this.#tokens.set(token, machine);
    this.mostAlive = Math.max(this.mostAlive, this.alive.length);
    if (this.#happens('lostReplies')) return { kind: 'lost' };
    return { kind: 'launched', instance: this.#show(machine) };
  }

  terminate(indices: readonly number[]): void {
    for (const index of indices) {
      const machine = this.#machines[index]!;
      if (machine.endedAt <= this.now) continue;
      if (machine.busyUntil !== undefined) this.busyKills++;
      this.#end(machine);
    }
  }

  drain(indices: readonly number[]): void {
    for (const index of indices) this.#machines[index]!.granted = true;
  }

  #happens(trouble: 'lostReplies' | 'noCapacity' | 'deadBoots'): boolean {
    if (this.troubles[trouble] === 0) return false;
    this.troubles[trouble]--;
    return true;
  }

  #show({ index, slot, tag, launchedAt, endShownAt, granted, readyAt }: Machine): Shown {
    const state = endShownAt <= this.now ? 'terminated' : this.now - launchedAt < 5 ? 'pending' : 'running';
    return { index, slot, tag, launchedAt, state, granted, ready: readyAt <= this.now };
  }
}
