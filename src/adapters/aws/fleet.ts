import { CreateTagsCommand, type EC2Client, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import type { Fleet, Instance, Log } from '../../ports.ts';
import { Backoff } from '../../runtime/backoff.ts';
import { within } from '../../runtime/time.ts';
import { clockSkew, Ec2Clock } from './clock.ts';
import { describeFleet } from './describe.ts';
import { AwsError, codeOf } from './errors.ts';
import type { LaunchReply } from './launchReply.ts';
import type { LaunchSettings } from './launchRequest.ts';
import { type Attempt, nextStep, type Step } from './launchStep.ts';
import type { Placement } from './placements.ts';
import { Rests } from './rests.ts';
import { runInstance } from './runInstance.ts';
import { ABSENT_MS, type SeenInstance, Slots } from './slots.ts';
import { tagKeys } from './tags.ts';
import { type EpochRule, epochOf, epochRule } from './token.ts';

/** At the end, a look at the fleet that is under way has this long, ms. */
const CLOSE_MS = 1000;

/** What a fleet wants to know of a controllers' lease. */
export interface Lease {
  /** Since when this controller has held it without a break, ms of the monotonic clock; undefined when it does not. */
  heldSince(): number | undefined;
}

export interface Ec2FleetOptions extends LaunchSettings {
  readonly client: EC2Client;
  /** Tried in this order while EC2 has no room; at least one. */
  readonly placements: readonly Placement[];
  /**
   * With a lease, only its holder launches, and it may go on to the next placement; with several placements it launches
   * nothing in the first minute, until all that its predecessor launched can be seen. Without one, every slot keeps to
   * the first placement: then client tokens alone see to it that any number of controllers fill a slot once.
   */
  readonly lease?: Lease;
  readonly log: Log;
  /** This machine's time, ms since the epoch; only to say that it is wrong. */
  readonly now?: () => number;
  /** ms of a clock that only goes forward, the lease's too. */
  readonly monotonic?: () => number;
  /** 0 to 1. */
  readonly random?: () => number;
  /** EC2 is asked at most this often, ms. */
  readonly describeEveryMs?: number;
  /** Instances in one page of an answer, 5 to 1,000. */
  readonly pageSize?: number;
  readonly epochs?: EpochRule;
}

/** Steps along the tokens of one slot in one call; the next call goes on where this one stopped. */
const MOST_STEPS = 40;
/** No launch on an older view, ms. */
const FRESH_MS = 20_000;

/**
 * Workers as EC2 instances, found by their tags. Keeps no state that EC2 does not have: after a restart, tags and client
 * tokens tell it all. Any number of these objects, in any number of controllers, launch one instance a slot.
 */
export class Ec2Fleet implements Fleet {
  readonly #options: Ec2FleetOptions;
  readonly #client: EC2Client;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #monotonic: () => number;
  readonly #clock: Ec2Clock;
  readonly #random: () => number;
  readonly #epochs: EpochRule;
  readonly #describeEveryMs: number;
  readonly #slots = new Slots();
  readonly #rests: Rests;
  readonly #attempts = new Map<number, Attempt>();
  // All times that follow are the monotonic clock's, ms.
  /** Slots left to a controller with other settings, and until when. */
  readonly #left = new Map<number, number>();
  /** When the end of an instance was last asked for. */
  readonly #ending = new Map<string, number>();
  readonly #launching = new Set<number>();
  /** What an operator has been told, so that it is said once. */
  readonly #told = new Set<string>();
  /** Ids of the described instances that EC2 has ended for reasons of its own. */
  #troubled: ReadonlySet<string> = new Set();
  #skewed = false;
  readonly #describeBackoff = new Backoff(1_000, 30_000);
  #viewAt = Number.NEGATIVE_INFINITY;
  #describeAt = Number.NEGATIVE_INFINITY;
  #describing: Promise<void> | undefined;
  /** Why there is no view younger than `#viewAt`. */
  #viewError: AwsError | undefined;

  constructor(options: Ec2FleetOptions) {
    const { client, log, now = Date.now, random = Math.random } = options;
    const { monotonic = () => performance.now() } = options;
    const { describeEveryMs = 10_000, epochs = epochRule } = options;
    if (options.placements.length === 0) throw new Error('a fleet needs at least one placement');
    if (!/^[\w.-]{1,64}$/.test(options.fleet))
      throw new Error(
        `a fleet's name is 1 to 64 letters, digits, . _ and -, got ${JSON.stringify(options.fleet)}`,
      );
    if (options.image === undefined && options.template === undefined)
      throw new Error('a fleet needs an image or a launch template');
    this.#options = options;
    this.#client = client;
    this.#log = log;
    this.#now = now;
    this.#monotonic = monotonic;
    this.#clock = new Ec2Clock(monotonic);
    this.#random = random;
    this.#describeEveryMs = describeEveryMs;
    this.#epochs = epochs;
    this.#rests = new Rests(random);
  }

  /** Rejects with an AwsError when EC2 does not answer and the last answer is more than `ABSENT_MS` old. */
  async list(): Promise<Instance[]> {
    await this.#look();
    return this.#slots.list();
  }

  /** EC2's clock; this machine's while EC2 has not answered. */
  now(): number {
    return this.#clock.now() ?? this.#now();
  }

  /** Those near the turn of their epoch, those left to a controller with other settings, and all while EC2's time is unknown. */
  closedSlots(below: number): number[] {
    return Array.from({ length: below }, (_, slot) => slot).filter(slot => this.#epoch(slot) === undefined);
  }

  /**
   * Rejects as `list` does. What EC2 answers to the launches themselves is logged, and tried again by a later call:
   * a slot that is not filled now is asked for again.
   */
  async launch(slots: readonly number[]): Promise<void> {
    if (slots.length === 0) return;
    await this.#look();
    const held = this.#heldBack();
    if (held !== undefined) {
      this.#log.debug('launches-held-back', { why: held });
      return;
    }
    await Promise.all([...new Set(slots)].map(slot => this.#fill(slot)));
  }

  async drain(ids: readonly string[]): Promise<void> {
    const value = new Date(this.now()).toISOString();
    await this.#each('ec2:CreateTags', ids, Resources =>
      this.#client.send(new CreateTagsCommand({ Resources, Tags: [{ Key: tagKeys.drain, Value: value }] })),
    );
  }

  /** An end takes a while and is wanted until it is seen: EC2 is asked again after `ABSENT_MS`, not before. */
  async terminate(ids: readonly string[]): Promise<void> {
    const now = this.#monotonic();
    for (const [id, at] of this.#ending) if (now - at >= ABSENT_MS) this.#ending.delete(id);
    const due = ids.filter(id => !this.#ending.has(id));
    await this.#each('ec2:TerminateInstances', due, InstanceIds =>
      this.#client.send(new TerminateInstancesCommand({ InstanceIds })),
    );
    for (const id of due) this.#ending.set(id, now);
  }

  /** The instances go on working: the next controller finds them. */
  async close(): Promise<void> {
    await within(CLOSE_MS, async () => this.#describing).catch(() => {});
  }

  /** Asks EC2 for the fleet's instances when that is due. */
  async #look(): Promise<void> {
    if (this.#monotonic() >= this.#describeAt)
      this.#describing ??= this.#describe().finally(() => {
        this.#describing = undefined;
      });
    await this.#describing;
    // Unknown is not empty, also between two tries.
    if (this.#viewError && this.#monotonic() - this.#viewAt > ABSENT_MS) throw this.#viewError;
  }

  /** Never rejects. */
  async #describe(): Promise<void> {
    const at = this.#monotonic();
    const { fleet, pageSize = 1_000 } = this.#options;
    try {
      const seen = await describeFleet(this.#client, fleet, pageSize, this.#clock);
      if (this.#clock.now() === undefined)
        throw new Error('the answer does not tell the time: it has no Date');
      this.#tellSkew();
      this.#tellTrouble(seen);
      this.#slots.see(seen, at);
      this.#viewAt = at;
      this.#viewError = undefined;
      this.#describeAt = at + this.#describeEveryMs;
      this.#describeBackoff.reset();
    } catch (error) {
      const call = { service: 'EC2', action: 'ec2:DescribeInstances', resource: `fleet ${fleet}` } as const;
      const first = this.#viewError === undefined;
      this.#viewError = new AwsError(error, call);
      this.#describeAt = at + this.#describeBackoff.next() * (0.5 + this.#random());
      if (first) this.#log.warn('fleet-view-stale', { error: this.#viewError.message });
    }
  }

  /** Why nothing may be launched now, or undefined. */
  #heldBack(): string | undefined {
    const now = this.#monotonic();
    const { lease, placements } = this.#options;
    const since = lease?.heldSince();
    if (lease && since === undefined) return 'another controller holds the lease';
    if (lease && placements.length > 1 && !this.#alone()) return 'a predecessor may have launched unseen';
    if (now - this.#viewAt > FRESH_MS) return 'the last view of the fleet is too old';
    const restMs = this.#rests.remaining(now);
    return restMs > 0 ? `${Math.ceil(restMs / 1_000)} s of rest left` : undefined;
  }

  #alone(): boolean {
    const since = this.#options.lease?.heldSince();
    return since !== undefined && this.#monotonic() - since >= ABSENT_MS;
  }

  async #fill(slot: number): Promise<void> {
    if (this.#launching.has(slot) || this.#slots.isHeld(slot)) return;
    const epoch = this.#epoch(slot);
    if (epoch === undefined) return;
    this.#launching.add(slot);
    try {
      await this.#walk(slot, this.#begin(slot, epoch));
    } finally {
      this.#launching.delete(slot);
    }
  }

  /** The epoch in which to launch in a slot; undefined while it is closed. */
  #epoch(slot: number): number | undefined {
    if (this.#monotonic() < (this.#left.get(slot) ?? Number.NEGATIVE_INFINITY)) return undefined;
    const now = this.#clock.now();
    return now === undefined ? undefined : epochOf(slot, now, this.#epochs);
  }

  /** Where the last call stopped, unless the slot has come further since. */
  #begin(slot: number, epoch: number): Attempt {
    const generation = this.#slots.generation(slot, epoch);
    const last = this.#attempts.get(slot);
    if (last?.epoch === epoch && last.generation >= generation) return last;
    return { epoch, generation, placement: 0 };
  }

  async #walk(slot: number, first: Attempt): Promise<void> {
    let attempt = first;
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      if (this.#epoch(slot) !== attempt.epoch) return;
      // Kept before the answer is known: whatever happens, this token comes first.
      this.#attempts.set(slot, attempt);
      const { placements } = this.#options;
      const placement = placements[attempt.placement]!;
      const reply = await runInstance(this.#client, this.#options, placement, slot, attempt);
      const circumstances = { placements: placements.length, alone: this.#alone(), now: this.#monotonic() };
      const step = nextStep(attempt, reply, circumstances);
      this.#report(slot, attempt, placement, reply, step);
      if (step.next === 'done') return;
      attempt = step.attempt;
      this.#attempts.set(slot, attempt);
      if (step.next !== 'ask') return;
    }
  }

  #report(
    slot: number,
    attempt: Attempt,
    { type, subnet, spot = false }: Placement,
    reply: LaunchReply<SeenInstance>,
    step: Step,
  ): void {
    const now = this.#monotonic();
    const fields = { slot, generation: attempt.generation, type, subnet, spot };
    if (reply.kind === 'launched') {
      const { instance } = reply;
      this.#slots.launched(instance, now);
      this.#rests.launched(now);
      this.#told.clear();
      this.#log.info('instance-launched', { instance: instance.id, ...fields });
      return;
    }
    const code = 'code' in reply ? reply.code : undefined;
    if (step.next === 'leave-slot') {
      this.#left.set(slot, now + ABSENT_MS);
      this.#tell('slot-has-other-settings', {
        ...fields,
        error: `slot ${slot} was launched or tried by a controller with other launch settings, and this one cannot know that it is alone: stop the other controller, or give both a lease`,
      });
    } else if (step.next === 'rest') {
      const resting = this.#rests.remaining(now) > 0;
      const waitSeconds = this.#rests.begin(step.why, now) / 1_000;
      if (reply.kind === 'refused') this.#tell('launch-refused', { code, error: reply.message, waitSeconds });
      else this.#log[resting ? 'debug' : 'warn'](`launch-${step.why}`, { ...fields, code, waitSeconds });
    } else this.#log.debug('launch-goes-on', { ...fields, reply: reply.kind, code });
  }

  #tellSkew(): void {
    const skew = clockSkew(this.#now(), this.now());
    if (skew && !this.#skewed)
      this.#log.warn('clock-skewed', {
        seconds: skew.seconds,
        advice: `${skew.told}: synchronise it (NTP). Scaling goes by EC2’s; the times in the log are by this one`,
      });
    this.#skewed = skew !== undefined;
  }

  #tellTrouble(seen: readonly SeenInstance[]): void {
    const troubled = seen.filter(({ trouble }) => trouble !== undefined);
    for (const { id, slot, trouble } of troubled)
      if (!this.#troubled.has(id)) this.#log.warn('instance-ended', { instance: id, slot, reason: trouble });
    this.#troubled = new Set(troubled.map(({ id }) => id));
  }

  /** Loudly, but once until something has been launched again. */
  #tell(event: string, fields: { readonly error: string } & Parameters<Log['error']>[1]): void {
    const key = `${event} ${fields.code ?? ''}`;
    if (this.#told.has(key)) this.#log.debug(event, fields);
    else this.#log.error(event, fields);
    this.#told.add(key);
  }

  /** One call for all ids or, where EC2 does not know one of them (yet, or any more), one call each. */
  async #each(
    action: string,
    ids: readonly string[],
    call: (ids: string[]) => Promise<unknown>,
  ): Promise<void> {
    const ours = ids.filter(id => /^i-[0-9a-f]{8,32}$/.test(id));
    if (ours.length === 0) return;
    try {
      await call(ours);
      for (const id of ours) this.#slots.leaving(id);
    } catch (error) {
      if (!isUnknownInstance(error))
        throw new AwsError(error, { service: 'EC2', action, resource: ours.join(' ') });
      if (ours.length > 1) for (const id of ours) await this.#each(action, [id], call);
      else this.#log.debug('instance-unknown-to-ec2', { action, instance: ours[0] });
    }
  }
}

/** Never a proof that it is gone: EC2 also says so of instances that are a second old. */
function isUnknownInstance(error: unknown): boolean {
  const name = error instanceof Error ? error.name : '';
  return (
    /^InvalidInstanceID\./.test(name) || name === 'InvalidID' || codeOf(error) === 'IncorrectInstanceState'
  );
}
