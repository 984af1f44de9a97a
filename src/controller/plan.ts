import { isSilent } from '../core/scaling/condition.ts';
import type { ScalingDecision } from '../core/scaling/decide.ts';
import { explain } from '../core/scaling/reasons.ts';
import { type RuleName, rules } from '../core/scaling/rules.ts';
import { emptyMemory, type Policy, type Snapshot } from '../core/scaling/types.ts';
import { Observer, type ObserverOptions } from './observe.ts';

export interface Plan {
  readonly rule: RuleName;
  readonly policy: Policy;
  readonly snapshot: Snapshot;
  readonly decision: ScalingDecision;
}

/** One look, and what would be decided from it alone. Changes nothing. */
export async function plan(
  options: Omit<ObserverOptions, 'slots'>,
  rule: RuleName,
  policy: Policy,
): Promise<Plan> {
  const observer = new Observer({ ...options, slots: () => policy.max });
  const snapshot = await observer.snapshot();
  return {
    rule,
    policy,
    snapshot,
    decision: rules[rule](snapshot, emptyMemory, policy, options.fleet.now()),
  };
}

/** In lines, for people. */
export function planText({ rule, policy, snapshot, decision }: Plan): string {
  const { depth, instances } = snapshot;
  const { desired, launch, drain, terminate, reasons, figures } = decision;
  const count = (state: string) => instances.filter(each => each.state === state).length;
  const silent = instances.filter(isSilent).length;
  const list = (words: readonly (number | string)[]) => (words.length === 0 ? 'nobody' : words.join(', '));
  return `${[
    `queue      ${depth.visible} visible, ${depth.inFlight} in flight, ${depth.delayed} delayed, ${depth.dead} dead`,
    `fleet      ${count('pending')} pending, ${count('running')} running, ${count('draining')} draining; ${silent} silent`,
    `rule       ${rule}: ${explain(figures, policy)}`,
    `desired    ${desired}; ${figures.live} live`,
    `launch     ${launch.length === 0 ? 'nobody' : `into slots ${launch.join(', ')}`}`,
    `drain      ${list(drain)}`,
    `terminate  ${list(terminate)}`,
    ...reasons.map(reason => `because    ${reason}`),
    'One look shows no arrivals and grants no leave: a running controller remembers what it saw before.',
  ].join('\n')}\n`;
}

/** The same for programs: plain data, times in ms. */
export function planJson({ rule, policy, snapshot, decision }: Plan): string {
  const { memory: _, ...decided } = decision;
  return `${JSON.stringify({ rule, policy, queue: snapshot.depth, instances: snapshot.instances, ...decided }, null, 2)}\n`;
}
