/** Everything a run depends on, except the arrivals and the controller. Times in seconds. */
export interface Setting {
  readonly min: number;
  readonly max: number;
  readonly launchBatch: number;
  readonly messagesPerInstance: number;
  readonly idleSeconds: number;
  readonly minRuntimeSeconds: number;
  readonly service: Service;
  /** From launch to the first poll of the queue, evenly distributed. */
  readonly boot: Range;
  /** How much of it EC2 calls `pending`. */
  readonly pending: Range;
  readonly visibilitySeconds: number;
  readonly pollSeconds: number;
  /** How old a count of the queue is: exponentially distributed, each count for itself. */
  readonly queueLag: { readonly mean: number; readonly most: number };
  /** Whether web servers tell the controller how many messages they have sent. */
  readonly told: boolean;
  /** Until DescribeInstances shows a launch or a termination: evenly distributed from 0. */
  readonly describeLag: number;
  /** Until an instance sees its drain grant: evenly distributed from 0. */
  readonly grantLag: number;
  /** EC2 bills an instance for at least this long. */
  readonly leastBilledSeconds: number;
  readonly faults: Faults;
  readonly controllers: number;
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface Service {
  readonly seconds: number;
  readonly shape: 'uniform' | 'exponential';
  /** Uniform: up to this part more or less. */
  readonly spread: number;
  /** Receiving and deleting, for each message. */
  readonly overhead: number;
}

export interface Faults {
  /** Part of the launches that EC2 has no capacity for. */
  readonly noCapacity: number;
  /** Part of the launches that happen, but whose answer is lost. */
  readonly lostReplies: number;
  /** Part of the instances that never say hello. */
  readonly deadBoots: number;
  /** Spot or hardware kills of one instance in an hour. */
  readonly killsPerHour: number;
  /** Controllers forget everything every so many seconds; 0 for never. */
  readonly amnesiaSeconds: number;
}

export const usualSetting: Setting = {
  min: 5,
  max: 15,
  launchBatch: 5,
  messagesPerInstance: 5,
  idleSeconds: 300,
  minRuntimeSeconds: 300,
  service: { seconds: 0.25, shape: 'uniform', spread: 0.15, overhead: 0.03 },
  boot: { from: 20, to: 60 },
  pending: { from: 4, to: 10 },
  visibilitySeconds: 30,
  pollSeconds: 20,
  queueLag: { mean: 3, most: 15 },
  told: true,
  describeLag: 5,
  grantLag: 5,
  leastBilledSeconds: 60,
  faults: { noCapacity: 0, lostReplies: 0, deadBoots: 0, killsPerHour: 0, amnesiaSeconds: 0 },
  controllers: 1,
};

/** Mean seconds that one message keeps a worker busy. */
export function meanService({ service }: Setting): number {
  return service.seconds + service.overhead;
}
