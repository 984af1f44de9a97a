import type { ObservedInstance, Policy, Snapshot } from '../scaling.ts';

/** The seed's parameters; the minimum runtime may be `auto`: three mean boot times, from 60 s to 300 s. */
export interface ScalingPolicy extends Omit<Policy, 'minRuntimeSeconds'> {
  readonly minRuntimeSeconds: number | 'auto';
}

/** An instance with what its worker's last heartbeat said. */
export interface ObservedWorker extends ObservedInstance {
  /** When it began to take messages, ms since the epoch; null until it has said so. */
  readonly startedAt: number | null;
  /** Messages it has finished. */
  readonly processed: number;
  /** How long it has had messages in hand, until the last one that it finished, ms in all. */
  readonly busyMs: number;
}

/** What a decision is made from. What could not be seen makes no snapshot: unknown is neither idle nor dead. */
export interface ScalingSnapshot extends Snapshot {
  readonly instances: readonly ObservedWorker[];
}

/** The queue at one time, and all that has left it. */
export interface Sample {
  /** ms since the epoch. */
  readonly at: number;
  /** Messages visible, in flight and delayed. */
  readonly depth: number;
  /** Messages completed since some beginning, estimated. */
  readonly completed: number;
}

/** How many instances were wanted at a time, and what for. */
export interface Wish {
  /** ms since the epoch. */
  readonly at: number;
  readonly forBacklog: number;
  readonly forRate: number;
}

/** A surge that is being watched to see whether it lasts. */
export interface Trial {
  /** ms since the epoch. */
  readonly at: number;
  /** Arrivals until then. */
  readonly arrived: number;
  /** Messages a second before the surge, and in it. */
  readonly before: number;
  readonly surge: number;
}

/** What has been learned of surges. */
export interface Surges {
  /** The part of a surge that is usually still there a boot time later, 0 to 1. */
  readonly persistence: number;
  readonly trial: Trial | null;
}

/**
 * What a controller remembers from one decision to the next: windows of some minutes, and averages that heartbeats bring
 * back. Plain data. Losing it is safe: without it nothing is drained for a while, and nobody is given up early.
 */
export interface Memory {
  /** The time of the first decision, ms since the epoch; null before. */
  readonly since: number | null;
  /** Ascending. */
  readonly samples: readonly Sample[];
  /** Ascending, as far back as drains look. */
  readonly wishes: readonly Wish[];
  /** When instances were wanted again soon after they were not, ms since the epoch. */
  readonly regrets: readonly number[];
  /** When leave was last granted, ms since the epoch; null when that is not known. */
  readonly drainedAt: number | null;
  readonly surges: Surges;
  /** The last boots, s, the latest last. */
  readonly boots: readonly number[];
  /** What has been counted of each worker that is there. */
  readonly counted: ReadonlyMap<string, { readonly processed: number; readonly busyMs: number }>;
  /** Seconds of work in one message; null while unknown. */
  readonly service: number | null;
  /** Instances given up since one last said hello. */
  readonly givenUp: number;
}

export const emptyMemory: Memory = {
  since: null,
  samples: [],
  wishes: [],
  regrets: [],
  drainedAt: null,
  // The first surge that lasts convinces.
  surges: { persistence: 0.45, trial: null },
  boots: [],
  counted: new Map(),
  service: null,
  givenUp: 0,
};

/** What a decision rests on. */
export interface Figures {
  /** Messages visible, in flight and delayed. */
  readonly backlog: number;
  /** Messages that arrive in a second, lasting. */
  readonly rate: number;
  /** Messages that are expected to arrive in a boot time. */
  readonly arriving: number;
  /** Seconds of work in one message. */
  readonly service: number;
  /** Mean boot time, s. */
  readonly boot: number;
  /** Messages that will be left when an instance launched now could begin. */
  readonly residual: number;
  /** Instances that work or will: neither draining nor overdue nor silent. */
  readonly live: number;
  readonly minRuntimeSeconds: number;
}
