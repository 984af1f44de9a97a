import type { Depth, Instance } from '../../ports.ts';

/** The seed's parameters, under their names in the configuration. */
export interface Policy {
  readonly min: number;
  readonly max: number;
  /** Most launches in any `LAUNCH_INTERVAL_SECONDS`. */
  readonly launchBatch: number;
  readonly messagesPerInstance: number;
  readonly idleSeconds: number;
  /** `auto`: two mean boot times, from 60 s to 300 s. */
  readonly minRuntimeSeconds: number | 'auto';
}

/** An instance with what its worker's last heartbeat said. */
export interface ObservedInstance extends Instance {
  /** Whether it has ever sent a heartbeat. */
  readonly reported: boolean;
  /**
   * Since when it has had nothing to do, ms since the epoch by the fleet's clock; null while busy or unknown: unknown is
   * not idle.
   */
  readonly idleSince: number | null;
  /**
   * For how long the controller has watched it without a sign, ms: no new heartbeat, no change of its state. By the
   * controller's own clock alone, and time in which it could not look does not count.
   */
  readonly silentMs: number;
  /** When it began to take messages, ms since the epoch by the fleet's clock; null until it has said so. */
  readonly startedAt: number | null;
  /** Messages it has finished. */
  readonly processed: number;
  /** How long it has had messages in hand, until the last one that it finished, ms in all. */
  readonly busyMs: number;
}

/** An instance that the controller has watched, and that never said hello. */
export interface Unheard {
  readonly id: string;
  /** When it ended or was overdue, whichever came first, ms since the epoch by the fleet's clock. */
  readonly at: number;
}

/** Photos that the web servers have put into the queue, by their own count, told within some seconds. */
export interface AcceptedCount {
  /** Since some beginning; never less than before on the same basis. */
  readonly count: number;
  /** When it was 0, ms since the epoch by the fleet's clock; null where that is not known. */
  readonly since: number | null;
  /** Counts of one basis can be compared. */
  readonly basis: number;
}

/** What a decision is made from. What could not be seen makes no snapshot: unknown is neither idle nor dead. */
export interface Snapshot {
  readonly depth: Depth;
  readonly instances: readonly ObservedInstance[];
  /** Slots that cannot be filled now, although nobody may hold them. */
  readonly closedSlots: readonly number[];
  /** Instances that ended or were overdue without ever having reported, since the last one's first hello. */
  readonly unheard: readonly Unheard[];
  /** Missing where no web server tells. */
  readonly accepted?: AcceptedCount | undefined;
}

/** What to do, and why. An empty decision has no reasons. */
export interface Decision {
  readonly desired: number;
  /** Slots to start an instance in. */
  readonly launch: readonly number[];
  /** Ids of the instances to grant leave to. */
  readonly drain: readonly string[];
  /** Ids of the instances to end: they never reported, or have fallen silent since leave was granted. */
  readonly terminate: readonly string[];
  readonly reasons: readonly string[];
}

/** The queue at one time, and all that has left it. */
export interface Sample {
  /** ms since the epoch. */
  readonly at: number;
  /** Messages visible, in flight and delayed. */
  readonly depth: number;
  /** Messages completed since some beginning, estimated. */
  readonly completed: number;
  /** Messages that the web servers have sent since some beginning, by their own count; missing where none tells. */
  readonly accepted?: number | undefined;
  /** What that count is to be compared with. */
  readonly basis?: number | undefined;
}

/** How many instances were wanted at a time. */
export interface Wish {
  /** ms since the epoch. */
  readonly at: number;
  readonly count: number;
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
  /** The time of the first decision without a long pause since, ms since the epoch; null before. */
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
  /** Work has come in waves of late: then all of the backlog counts, not only what will be left of it. */
  readonly inWaves: boolean;
  /** Instances that work or will: neither draining nor overdue nor silent. */
  readonly live: number;
  readonly minRuntimeSeconds: number;
}
