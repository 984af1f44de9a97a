/** One instance of the EC2 stand-in, and its life: pending → running → shutting-down → terminated → forgotten. */
export type State = 'pending' | 'running' | 'shutting-down' | 'terminated';

export interface Timing {
  /** From the launch to `running`, ms. */
  readonly bootMs: number;
  /** From the end to `terminated`, ms. */
  readonly stopMs: number;
  /** From `terminated` until Describe leaves it out, ms; an hour on EC2. */
  readonly forgetMs: number;
  /** A new instance is missing from Describe for so long, ms. */
  readonly newLagMs: number;
  /** Describe tells states and tags as they were so long ago, ms. */
  readonly stateLagMs: number;
  /** How long a token is remembered after its instance is terminated, ms; at least 24 hours on EC2. */
  readonly tokenMs: number;
}

export const timing: Timing = {
  bootMs: 200,
  stopMs: 200,
  forgetMs: 3_600_000,
  newLagMs: 0,
  stateLagMs: 0,
  tokenMs: 86_400_000,
};

export interface Ec2Instance {
  readonly id: string;
  readonly reservation: string;
  readonly token: string;
  readonly launchedAt: number;
  readonly image: string;
  readonly type: string;
  readonly subnet: string | undefined;
  readonly profile: string | undefined;
  readonly spot: boolean;
  readonly httpTokens: string;
  readonly tagsInMetadata: boolean;
  readonly shutdownBehaviour: string;
  /** Decoded. */
  readonly userData: string;
  /** With the time from which each one holds, ms. */
  readonly tags: Map<string, { readonly value: string; readonly at: number }>;
  /** When it began to end, ms. */
  endedAt?: number;
  /** Why EC2 ended it, where it did. */
  endReason?: { readonly code: string; readonly message: string };
}

export function stateAt(instance: Ec2Instance, now: number, { bootMs, stopMs }: Timing): State {
  if (instance.endedAt !== undefined && now >= instance.endedAt)
    return now - instance.endedAt < stopMs ? 'shutting-down' : 'terminated';
  return now - instance.launchedAt < bootMs ? 'pending' : 'running';
}

/** Uses up money, a slot and capacity. */
export function isLive(instance: Ec2Instance, now: number, { stopMs }: Timing): boolean {
  return instance.endedAt === undefined || now - instance.endedAt < stopMs;
}

export function isForgotten(instance: Ec2Instance, now: number, timing: Timing): boolean {
  return instance.endedAt !== undefined && now - instance.endedAt >= timing.stopMs + timing.forgetMs;
}

export function tagsAt(instance: Ec2Instance, now: number): Map<string, string> {
  return new Map(
    [...instance.tags].flatMap(([key, { value, at }]) => (at <= now ? [[key, value] as const] : [])),
  );
}
