/** One simulated instance with its worker. Times in seconds from the start. */
export class Worker {
  readonly index: number;
  readonly slot: number;
  readonly tag: string | undefined;
  readonly launchedAt: number;
  /** When EC2 calls it `running`. */
  readonly runningAt: number;
  /** When Describe begins to show it. */
  readonly shownAt: number;
  /** When it began, or will begin, to take messages. */
  readonly readyAt: number;
  ready = false;
  /** When it ended; infinity while it lives. */
  endedAt = Number.POSITIVE_INFINITY;
  /** When Describe begins to show that it has ended. */
  endShownAt = Number.POSITIVE_INFINITY;
  /** Its drain grant is on its way or there. */
  granted = false;
  /** It takes nothing more. */
  stopping = false;
  /** The message in hand, or -1. */
  message = -1;
  receivedAt = 0;
  processed = 0;
  busySeconds = 0;
  idleSince = 0;
  /** Counts its changes between idle and busy, so that what was planned for an earlier state can be told. */
  turn = 0;
  heartbeat: Heartbeat | undefined;

  constructor(
    index: number,
    { slot, tag }: { slot: number; tag?: string | undefined },
    times: { launched: number; running: number; shown: number; ready: number },
  ) {
    this.index = index;
    this.slot = slot;
    this.tag = tag;
    this.launchedAt = times.launched;
    this.runningAt = times.running;
    this.shownAt = times.shown;
    this.readyAt = times.ready;
  }

  get ended(): boolean {
    return this.endedAt !== Number.POSITIVE_INFINITY;
  }

  get busy(): boolean {
    return this.message >= 0;
  }
}

/** What the worker last wrote of itself. */
export interface Heartbeat {
  readonly at: number;
  readonly processed: number;
  readonly busySeconds: number;
  readonly idleSince: number | null;
}
