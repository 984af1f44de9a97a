import { isSilent } from '../core/scaling/condition.ts';
import type { ScalingDecision } from '../core/scaling/decide.ts';
import { doing } from '../core/scaling/doing.ts';
import { holdBack, launchHold } from '../core/scaling/holdBack.ts';
import { type RuleName, rules } from '../core/scaling/rules.ts';
import { emptyMemory, type Memory, type Policy, type Snapshot } from '../core/scaling/types.ts';
import type { Fleet, Log } from '../ports.ts';
import { silentLog } from '../runtime/log.ts';
import { AcceptedReader } from './accepted.ts';
import { act } from './act.ts';
import { Observer, type ObserverOptions } from './observe.ts';

export interface ScalerOptions extends Omit<ObserverOptions, 'slots' | 'accepted'> {
  readonly fleet: Fleet;
  /** As it is now. */
  readonly policy: () => Policy;
  /** As it is now. */
  readonly rule: () => RuleName;
  /** Whether launches rest while nothing that is launched reports; a fleet of child processes sees to that itself. */
  readonly holdsBack: boolean;
  readonly log: Log;
}

/** Observes, decides and acts; tells once what comes again each second. */
export class Scaler {
  readonly #options: ScalerOptions;
  readonly #observer: Observer;
  #memory: Memory = emptyMemory;
  #told = '';
  #silent = '';
  #held = false;

  constructor(options: ScalerOptions) {
    this.#options = options;
    const accepted = new AcceptedReader({ ...options, now: () => options.fleet.now() });
    this.#observer = new Observer({ ...options, accepted, slots: () => options.policy().max });
  }

  /** What was seen, and what was done. Rejects when something cannot be seen or done; nothing is done on half a view. */
  async round(): Promise<{ snapshot: Snapshot; decision: ScalingDecision }> {
    const { policy, rule, fleet, log } = this.#options;
    const snapshot = await this.#observer.snapshot();
    const now = fleet.now();
    this.#tellSilent(snapshot);
    const decided = rules[rule()](snapshot, this.#memory, policy(), now);
    this.#memory = decided.memory;
    const hold = this.#options.holdsBack ? launchHold(snapshot, policy()) : undefined;
    this.#tellHold(hold?.silent);
    const decision = hold ? holdBack(decided, snapshot, hold, now) : decided;
    const again = doing(decision) === this.#told;
    this.#told = doing(decision);
    await act(decision, fleet, again ? silentLog : log);
    this.#observer.granted(decision.drain);
    await this.#observer.sweep(snapshot);
    return { snapshot, decision };
  }

  #tellSilent({ instances }: Snapshot): void {
    const silent = instances.filter(isSilent).map(({ id }) => id);
    if (silent.length > 0 && silent.join() !== this.#silent)
      this.#options.log.warn('instances-silent', {
        instances: silent,
        advice:
          'no heartbeat for a minute: others take their place, but each keeps its slot until it speaks again or ends; ' +
          'look at its console and its worker’s log, and terminate it if it is dead',
      });
    this.#silent = silent.join();
  }

  #tellHold(silent: readonly string[] | undefined): void {
    const { log } = this.#options;
    if (silent && !this.#held)
      log.error('instances-never-reported', {
        instances: silent,
        error:
          `the last ${silent.length} instances never reported, so launching rests and one is tried now and then: look ` +
          'at their console output, their user data (`facerec-controller user-data`), the image, the instance profile ' +
          'and the worker’s log',
      });
    if (!silent && this.#held) log.info('instances-report-again');
    this.#held = silent !== undefined;
  }
}
