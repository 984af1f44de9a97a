import { addSample, arrivals, SAMPLES_MS, undone } from './arrivals.ts';
import { learnBoots, meanBoot, minRuntime, patienceOf } from './boot.ts';
import { isCapacity, isLost } from './condition.ts';
import { forMessages, forRate, residual } from './desired.ts';
import { DRAIN_INTERVAL_SECONDS, drains } from './drains.ts';
import { arrivalRates } from './forecast.ts';
import { addWish, HOLD_SECONDS, holdSeconds, keepCount, learnRegrets } from './hold.ts';
import { launches } from './launches.ts';
import { byAge } from './order.ts';
import { reasons } from './reasons.ts';
import { completions, learnService, recount, UNKNOWN_SERVICE_SECONDS } from './service.ts';
import { arrivingIn, watchSurges } from './surges.ts';
import type { Decision, Figures, Memory, Policy, Sample, Snapshot } from './types.ts';

export interface ScalingDecision extends Decision {
  readonly figures: Figures;
  /** For the next decision. */
  readonly memory: Memory;
}

/** A rule of scaling. */
export type Decide = (snapshot: Snapshot, memory: Memory, policy: Policy, now: number) => ScalingDecision;

/**
 * One instance for `messagesPerInstance` of the messages that will be left when an instance launched now could begin, and
 * enough instances for the lasting rate of arrivals. To be called about once a second.
 *
 * @param now ms since the epoch, by the fleet's clock
 */
export const decide: Decide = (snapshot, memory, policy, now) => {
  const { depth, instances } = snapshot;
  const { min, max, messagesPerInstance, idleSeconds } = policy;
  const within = (count: number) => Math.min(max, Math.max(min, count));
  // Whoever has not looked for a while, as another controller acted, begins anew.
  const looked = memory.samples.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
  const since = now - looked > HOLD_SECONDS * 1000 ? now : (memory.since ?? now);

  const learned = { boots: learnBoots(memory, instances), ...learnService(memory, instances) };
  const service = learned.service ?? UNKNOWN_SERVICE_SECONDS;
  const boot = meanBoot(learned.boots);

  const patience = patienceOf(learned.boots, snapshot.unheard.length);
  const live = byAge(
    instances.filter(
      each => isCapacity(each) && (each.reported || now - each.launchedAt < patience.suspect * 1000),
    ),
  );
  const terminate = instances.filter(each => isLost(each, now, patience.lost)).map(({ id }) => id);

  const seen = depth.visible + depth.inFlight + depth.delayed;
  const known = memory.samples.length > 0 ? memory.samples : beginning(snapshot.accepted, seen, now);
  const before = memory.service === null ? recount(known, service) : known;
  const samples = addSample(before, {
    at: now,
    depth: seen,
    completed: completed(snapshot, before.at(-1), service, now),
    accepted: snapshot.accepted?.count,
    basis: snapshot.accepted?.basis,
  });
  const backlog = Math.max(seen, undone(samples, reporting(snapshot), service));
  const rates = arrivalRates(samples);
  const surges = watchSurges(memory.surges, rates, arrivals(samples)(now), live.length / service, boot, now);
  const arriving = arrivingIn(boot, rates, surges);
  const left = residual(backlog + arriving, live, service, boot, learned.boots, now);

  // Where work comes in waves, the next one comes before this one would be done without help.
  const inWaves = memory.regrets.length > 0;
  const pending = inWaves ? Math.max(left, backlog) : left;
  const desired = within(
    Math.max(forRate(rates.lasting, service, boot), forMessages(pending, messagesPerInstance)),
  );
  // Who is there already is of use for all of the backlog, not only for what will be left of it.
  const useful = Math.max(desired, within(forMessages(backlog, messagesPerInstance)));
  const wishes = addWish(memory.wishes, { at: now, count: useful }, idleSeconds);
  const hold = holdSeconds(boot, idleSeconds);
  const regrets = learnRegrets(memory.regrets, wishes);
  const keep = keepCount(wishes, regrets.length > 0 ? Math.max(hold, idleSeconds) : hold, now);

  const figures: Figures = {
    ...{ backlog, rate: rates.lasting, arriving, service, boot, residual: left, inWaves, live: live.length },
    minRuntimeSeconds: minRuntime(policy.minRuntimeSeconds, boot),
  };
  const launch = launches(snapshot, desired - live.length, policy, now);
  const mayDrain =
    now - since >= hold * 1000 && now - (memory.drainedAt ?? since) >= DRAIN_INTERVAL_SECONDS * 1000;
  const drain = mayDrain ? drains(live, keep, figures.minRuntimeSeconds, now) : [];
  return {
    ...{ desired, launch, drain, terminate, figures },
    reasons: reasons(figures, policy, { desired, keep, launch, drain, terminate }),
    memory: {
      ...{ since, samples, wishes, regrets, surges, ...learned },
      drainedAt: drain.length > 0 ? now : memory.drainedAt,
    },
  };
};

/** The time before the first look, where the web servers tell that they have only just begun. */
function beginning(accepted: Snapshot['accepted'], depth: number, now: number): Sample[] {
  const since = accepted?.since ?? null;
  if (since === null || since >= now || since < now - SAMPLES_MS) return [];
  return [{ at: since, depth, completed: 0, accepted: 0, basis: accepted!.basis }];
}

/** Workers that may have done something. */
function reporting({ instances }: Snapshot): number {
  return instances.filter(({ reported }) => reported).length;
}

function completed(snapshot: Snapshot, last: Sample | undefined, service: number, now: number): number {
  if (last === undefined) return 0;
  const seconds = Math.max(0, now - last.at) / 1000;
  return last.completed + completions(snapshot.depth.inFlight, reporting(snapshot), service, seconds);
}
