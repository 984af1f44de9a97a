import type { LaunchReply } from '../../adapters/aws/launchReply.ts';
import { type Attempt, nextStep } from '../../adapters/aws/launchStep.ts';
import { Rests } from '../../adapters/aws/rests.ts';
import { type SeenInstance, Slots } from '../../adapters/aws/slots.ts';
import { formatMark, parseMark } from '../../adapters/aws/token.ts';
import { lookSeconds } from '../../core/heartbeat.ts';
import type { Decide } from '../../core/scaling/decide.ts';
import { holdBack, launchHold } from '../../core/scaling/holdBack.ts';
import { Newcomers } from '../../core/scaling/newcomers.ts';
import {
  type AcceptedCount,
  emptyMemory,
  type Memory,
  type ObservedInstance,
  type Policy,
} from '../../core/scaling/types.ts';
import type { Instance } from '../../ports.ts';
import type { Cloud, Controller, ControllerKind, Plan, Shown } from '../controller.ts';
import { generator } from '../random.ts';
import type { Heartbeat } from '../worker.ts';

const TICK_SECONDS = 1;
const DESCRIBE_SECONDS = 10;
/** Steps along one slot's tokens in one call. */
const MOST_STEPS = 40;
/** Any date will do. */
const START_MS = Date.UTC(2024, 0, 1);

/** The controller as it runs: the same decision, the same slots and tokens, the same intervals. */
export const law =
  (decide: Decide, policy: Partial<Policy> = {}): ControllerKind =>
  plan =>
    new LawController(decide, { ...plan.setting, ...policy }, plan);

class LawController implements Controller {
  readonly ownLeave = 'never';
  readonly #decide: Decide;
  readonly #policy: Policy;
  readonly #alone: boolean;
  readonly #chance: () => number;
  #memory: Memory = emptyMemory;
  #slots = new Slots();
  #rests: Rests;
  #attempts = new Map<number, Attempt>();
  #described = Number.NEGATIVE_INFINITY;
  #heard = Number.NEGATIVE_INFINITY;
  #heartbeats: ReadonlyMap<number, { readyAt: number; heartbeat: Heartbeat }> = new Map();
  #reported = new Set<number>();
  #working = false;
  #newcomers = new Newcomers();
  /** What each instance last showed of itself, and since when. */
  #signs = new Map<string, { readonly mark: string; readonly since: number }>();

  constructor(decide: Decide, policy: Policy, { setting, seed }: Plan) {
    this.#decide = decide;
    this.#policy = policy;
    this.#alone = setting.controllers === 1;
    this.#chance = generator(seed + 7);
    this.#rests = new Rests(this.#chance);
  }

  tick(cloud: Cloud): number {
    const now = START_MS + cloud.now * 1000;
    if (cloud.now - this.#described >= DESCRIBE_SECONDS) {
      this.#slots.see(cloud.describe().map(seen), now);
      this.#described = cloud.now;
    }
    if (cloud.now - this.#heard >= this.#lookSeconds()) {
      this.#heartbeats = cloud.heartbeats();
      for (const index of this.#heartbeats.keys()) {
        if (!this.#reported.has(index)) this.#newcomers.hello();
        this.#reported.add(index);
      }
      this.#heard = cloud.now;
    }
    const depth = { ...cloud.depth(), delayed: 0, dead: 0 };
    const listed = this.#slots.list();
    this.#working = depth.inFlight > 0;
    this.#watch(listed);
    const instances = listed.map(instance => this.#observe(instance));
    this.#newcomers.see(listed, id => this.#reported.has(indexOf(id)), now, this.#heard * 1000);
    const snapshot = {
      ...{ depth, instances, closedSlots: [], unheard: this.#newcomers.unheard },
      accepted: this.#accepted(cloud),
    };
    const decided = this.#decide(snapshot, this.#memory, this.#policy, now);
    this.#memory = decided.memory;
    const hold = launchHold(snapshot, this.#policy);
    const decision = hold ? holdBack(decided, snapshot, hold, now) : decided;
    for (const slot of decision.launch) this.#fill(cloud, slot, now);
    if (decision.drain.length > 0) cloud.drain(decision.drain.map(indexOf));
    this.#newcomers.granted(decision.drain);
    if (decision.terminate.length > 0) cloud.terminate(decision.terminate.map(indexOf));
    for (const id of [...decision.drain, ...decision.terminate]) this.#slots.leaving(id);
    return TICK_SECONDS;
  }

  #lookSeconds(): number {
    const allReported = this.#signs.keys().every(id => this.#reported.has(indexOf(id)));
    const worked = this.#heartbeats.values().some(({ heartbeat }) => heartbeat.processed > 0);
    return lookSeconds(allReported, this.#working, worked);
  }

  #accepted(cloud: Cloud): AcceptedCount | undefined {
    const told = cloud.accepted();
    return told && { ...told, since: told.since === null ? null : START_MS + told.since * 1000 };
  }

  forget(): void {
    this.#memory = emptyMemory;
    this.#slots = new Slots();
    this.#rests = new Rests(this.#chance);
    this.#attempts = new Map();
    this.#described = Number.NEGATIVE_INFINITY;
    this.#heard = Number.NEGATIVE_INFINITY;
    this.#reported = new Set();
    this.#signs = new Map();
    this.#newcomers = new Newcomers();
  }

  #watch(instances: readonly Instance[]): void {
    this.#signs = new Map(
      instances.map(({ id, state }) => {
        const mark = `${state} ${this.#heartbeats.get(indexOf(id))?.heartbeat.at}`;
        const known = this.#signs.get(id);
        return [id, known?.mark === mark ? known : { mark, since: this.#heard }];
      }),
    );
  }

  #observe(instance: Instance): ObservedInstance {
    const index = indexOf(instance.id);
    const told = this.#heartbeats.get(index);
    const idleSince = told?.heartbeat.idleSince ?? null;
    return {
      ...instance,
      reported: this.#reported.has(index),
      silentMs: (this.#heard - (this.#signs.get(instance.id)?.since ?? this.#heard)) * 1000,
      idleSince: idleSince === null ? null : START_MS + idleSince * 1000,
      startedAt: told ? START_MS + told.readyAt * 1000 : null,
      processed: told?.heartbeat.processed ?? 0,
      busyMs: (told?.heartbeat.busySeconds ?? 0) * 1000,
    };
  }

  #fill(cloud: Cloud, slot: number, now: number): void {
    if (this.#rests.remaining(now) > 0 || this.#slots.isHeld(slot)) return;
    let attempt = this.#attempts.get(slot) ?? { epoch: 0, generation: 0, placement: 0 };
    const generation = this.#slots.generation(slot, 0);
    if (generation > attempt.generation) attempt = { epoch: 0, generation, placement: 0 };
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      const tag = formatMark(attempt);
      const reply = replyOf(cloud, slot, tag);
      const step = nextStep(attempt, reply, { placements: 1, alone: this.#alone, now });
      if (reply.kind === 'launched') {
        this.#slots.launched(reply.instance, now);
        this.#rests.launched(now);
      }
      if (step.next === 'done') return;
      attempt = step.attempt;
      this.#attempts.set(slot, attempt);
      if (step.next === 'ask') continue;
      if (step.next === 'rest') this.#rests.begin(step.why, now);
      return;
    }
  }
}

function replyOf(cloud: Cloud, slot: number, tag: string): LaunchReply<SeenInstance> {
  const reply = cloud.launch({ slot, tag, token: `${slot} ${tag}` });
  if (reply.kind === 'launched') return { kind: 'launched', instance: seen(reply.instance) };
  return reply.kind === 'over' ? { kind: 'over' } : { kind: reply.kind, code: reply.kind };
}

function seen({ index, slot, tag, launchedAt, state, granted }: Shown): SeenInstance {
  return {
    id: `i-${String(index).padStart(6, '0')}`,
    slot,
    launchedAt: START_MS + launchedAt * 1000,
    state: state !== 'terminated' && granted ? 'draining' : state,
    mark: parseMark(tag),
  };
}

function indexOf(id: string): number {
  return Number(id.slice(2));
}
