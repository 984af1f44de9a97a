import type { Decision } from '../core/scaling/types.ts';
import type { Fleet, Log } from '../ports.ts';

/** Carries out a decision, and logs it with its reasons when it changes anything. */
export async function act(decision: Decision, fleet: Fleet, log: Log): Promise<void> {
  const { launch, drain, terminate, reasons, desired } = decision;
  if (reasons.length === 0) return;
  log.info('decision', { desired, launch: launch.map(String), drain, terminate, reasons });
  if (launch.length > 0) await fleet.launch(launch);
  if (drain.length > 0) await fleet.drain(drain);
  if (terminate.length > 0) await fleet.terminate(terminate);
}
