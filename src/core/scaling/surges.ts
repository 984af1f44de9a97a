import type { Rates } from './forecast.ts';
import type { Surges } from './types.ts';

/** How much the latest surge counts. */
const WEIGHT = 0.35;
/** A surge is this many times what was there before. */
const RISE = 2;
/** Surges that last more than this are believed at first sight. */
const BELIEVED = 0.5;
/** What has been seen for 7.5 s and for 15 s is expected to go on for so many more, s. */
const SURGE_SECONDS = 10;
const SUSTAINED_SECONDS = 24;

/**
 * Watches surges that the fleet cannot serve, and learns how much of one is usually left after a boot time: it is of use
 * to launch at its first sign only where it is still there when the instances are.
 *
 * @param arrived arrivals until now
 * @param capacity messages a second that the live instances serve
 * @param boot mean boot time, s
 * @param now ms since the epoch
 */
export function watchSurges(
  { persistence, trial }: Surges,
  rates: Rates,
  arrived: number,
  capacity: number,
  boot: number,
  now: number,
): Surges {
  if (trial === null) {
    const before = Math.max(rates.lasting, rates.surge);
    const begins = rates.sudden > capacity && rates.sudden > RISE * before;
    return { persistence, trial: begins ? { at: now, arrived, before, surge: rates.sudden } : null };
  }
  const elapsed = (now - trial.at) / 1000;
  if (elapsed < boot) return { persistence, trial };
  const lasted = ((arrived - trial.arrived) / elapsed - trial.before) / (trial.surge - trial.before);
  return {
    persistence: persistence + WEIGHT * (Math.min(1, Math.max(0, lasted)) - persistence),
    trial: null,
  };
}

/** Messages expected in the next `boot` seconds: the lasting rate, and as much of a surge as experience allows. */
export function arrivingIn(boot: number, rates: Rates, { persistence }: Surges): number {
  const { lasting, surge, sustained, sudden } = rates;
  const beyond = (rate: number, seconds: number) => Math.max(0, rate - lasting) * Math.min(boot, seconds);
  const unproven = Math.max(beyond(surge, SURGE_SECONDS), beyond(sustained, SUSTAINED_SECONDS));
  const first = Math.max(surge, surge + persistence * (sudden - surge));
  const known = persistence > BELIEVED ? beyond(first, persistence * boot) : 0;
  return lasting * boot + Math.max(unproven, known);
}
