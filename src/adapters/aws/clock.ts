import type { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import * as v from 'valibot';

const DatedSchema = v.object({ headers: v.object({ date: v.string() }) });

/** From this difference on an operator should hear of it, ms. */
const SKEWED_MS = 30_000;

/** How far a machine's clock is from EC2's, where that is worth a word: `seconds` ahead, or behind if negative. */
export function clockSkew(machine: number, ec2: number): { seconds: number; told: string } | undefined {
  const aheadMs = machine - ec2;
  if (Math.abs(aheadMs) <= SKEWED_MS) return undefined;
  const seconds = Math.round(aheadMs / 1_000);
  const told = `this machine’s clock is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} EC2’s`;
  return { seconds, told };
}

/**
 * EC2's own clock, as the `Date` of its answers tells it: what EC2 says of times is compared with no other. Between two
 * answers a monotonic clock carries it on.
 */
export class Ec2Clock {
  readonly #monotonic: () => number;
  /** What the monotonic clock is behind, ms. */
  #ahead: number | undefined;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** ms since the epoch, to a second or so; undefined until an answer has told it. */
  now(): number | undefined {
    return this.#ahead === undefined ? undefined : Math.floor(this.#monotonic() + this.#ahead);
  }

  /** Answers to this command tell the time, refusals too. */
  listen(command: DescribeInstancesCommand): DescribeInstancesCommand {
    command.middlewareStack.add(
      next => async args => {
        const sentAt = this.#monotonic();
        const result = await next(args);
        const dated = v.safeParse(DatedSchema, result.response);
        if (dated.success) this.#hear(Date.parse(dated.output.headers.date), sentAt);
        return result;
      },
      { step: 'deserialize', priority: 'low' },
    );
    return command;
  }

  /** The date was written between question and answer, and leaves out the fraction of its second. */
  #hear(date: number, sentAt: number): void {
    if (Number.isNaN(date)) return;
    const least = date - this.#monotonic();
    const most = date + 1_000 - sentAt;
    this.#ahead = Math.min(most, Math.max(least, this.#ahead ?? least));
  }
}
