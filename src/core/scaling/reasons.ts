import { HOLD_SECONDS } from './hold.ts';
import type { Decision, Figures, Policy } from './types.ts';

type Actions = Omit<Decision, 'reasons'> & { readonly keep: number };

/** Why something is done, in words; nothing when nothing is done. */
export function reasons(figures: Figures, policy: Policy, actions: Actions): string[] {
  const { desired, keep, launch, drain, terminate } = actions;
  const told: string[] = [];
  if (launch.length > 0)
    told.push(
      `launch ${launch.length}: ${explain(figures, policy)}: ${desired} desired, ${figures.live} live`,
    );
  if (drain.length > 0)
    told.push(
      `drain ${drain.length}: ${explain(figures, policy)}; ${keep} wanted in the last ${HOLD_SECONDS} s or longer, ${figures.live} live, at least ${figures.minRuntimeSeconds.toFixed(0)} s old`,
    );
  if (terminate.length > 0)
    told.push(`terminate ${terminate.length}: no sign of life for longer than it should take`);
  return told;
}

/** The figures that a decision rests on, in words. */
export function explain(
  { backlog, rate, arriving, service, boot, residual, inWaves }: Figures,
  { min, max, messagesPerInstance }: Policy,
): string {
  const load = `${backlog} pending, ${arriving.toFixed(0)} expected within a boot time of ${boot.toFixed(0)} s, ${service.toFixed(2)} s each`;
  const waves = inWaves ? ', all pending wanted done as work comes in waves' : '';
  return `${load}: ${residual.toFixed(0)} left then${waves}, at ${messagesPerInstance} an instance; ${rate.toFixed(1)} a second lasting; ${min} to ${max} instances`;
}
