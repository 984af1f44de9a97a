import type { AcceptedCount } from '../core/scaling/types.ts';
import type { Arrivals } from './arrivals.ts';
import type { Setting } from './setting.ts';
import type { Heartbeat } from './worker.ts';

/** How workers leave by themselves: never; when idle; when idle and not among the first `min` that Describe shows. */
export type OwnLeave = 'never' | 'idle' | 'rank';

/** What is simulated of a scaling policy. */
export interface Controller {
  readonly ownLeave: OwnLeave;
  /** Looks and acts. Returns the seconds to its next tick. */
  tick(cloud: Cloud): number;
  /** Forgets all it knows, as a crashed process does. */
  forget(): void;
}

export interface Plan {
  readonly setting: Setting;
  readonly seed: number;
  /** The future: only for the clairvoyant. */
  readonly arrivals: Arrivals;
}

export type ControllerKind = (plan: Plan) => Controller;

/** An instance as DescribeInstances (or, for `group`, an Auto Scaling group) shows it. Times in seconds. */
export interface Shown {
  readonly index: number;
  readonly slot: number;
  /** What the launch was tagged with. */
  readonly tag: string | undefined;
  readonly launchedAt: number;
  readonly state: 'pending' | 'running' | 'terminated';
  /** It has a drain grant. */
  readonly granted: boolean;
  /** It is ready for work. */
  readonly ready: boolean;
}

export type Reply =
  | { readonly kind: 'launched'; readonly instance: Shown }
  | { readonly kind: 'over' | 'no-capacity' | 'lost' };

export interface Launch {
  readonly slot?: number;
  /** EC2's client token: the same one never launches twice. */
  readonly token?: string;
  readonly tag?: string;
  /** Fixes the boot time, s. */
  readonly boot?: number;
}

/** The world as a controller sees and moves it. */
export interface Cloud {
  readonly now: number;
  /** GetQueueAttributes. */
  depth(): { readonly visible: number; readonly inFlight: number };
  /** What the web servers have told last; undefined where they tell nothing. */
  accepted(): AcceptedCount | undefined;
  /** DescribeInstances, with its lag; those that ended within the hour too. By time of launch. */
  describe(): Shown[];
  /** An Auto Scaling group's own bookkeeping: without lag, without calls. By time of launch. */
  group(): Shown[];
  /** The last heartbeat of each live worker. */
  heartbeats(): ReadonlyMap<number, { readonly readyAt: number; readonly heartbeat: Heartbeat }>;
  launch(launch?: Launch): Reply;
  terminate(indices: readonly number[]): void;
  /** @param delay until the instances see it, s; else as the setting says */
  drain(indices: readonly number[], delay?: number): void;
}
