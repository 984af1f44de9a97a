import type { Arrivals } from './arrivals.ts';
import type { Setting } from './setting.ts';
import type { Worker } from './worker.ts';

/** What one run came to. Times in seconds. */
export interface Outcome {
  readonly seconds: number;
  /** From arrival to answer, of every message, in the order of arrival. */
  readonly waits: Float64Array;
  /** Messages never answered. */
  readonly lost: number;
  /** Instance-seconds billed, from launch to termination, up to the end of the arrivals. */
  readonly cost: number;
  readonly launches: number;
  /** Instances that never served a message. */
  readonly wasted: number;
  /** Instances ended by a controller or by themselves with a message in hand. */
  readonly busyKills: number;
  readonly peak: number;
  readonly secondsAboveMax: number;
  readonly secondsBelowMin: number;
  readonly finalFleet: number;
  /** RunInstances, DescribeInstances, TerminateInstances and CreateTags. */
  readonly ec2Calls: number;
  readonly queueCalls: number;
  readonly course: Course;
}

/** One value for each second. */
export interface Course {
  readonly depth: readonly number[];
  readonly fleet: readonly number[];
  readonly ready: readonly number[];
}

/** Counts while the run lasts. */
export class Tally {
  runs = 0;
  describes = 0;
  terminates = 0;
  grants = 0;
  queueCalls = 0;
  busyKills = 0;
  #launches = 0;
  #peak = 0;
  #aboveMax = 0;
  #belowMin = 0;
  readonly #depth: number[] = [];
  readonly #fleet: number[] = [];
  readonly #ready: number[] = [];

  launched(alive: number): void {
    this.#launches++;
    this.#peak = Math.max(this.#peak, alive);
  }

  second(depth: number, alive: number, ready: number, { min, max }: Setting): void {
    this.#depth.push(depth);
    this.#fleet.push(alive);
    this.#ready.push(ready);
    this.#peak = Math.max(this.#peak, alive);
    if (alive > max) this.#aboveMax++;
    if (alive < min) this.#belowMin++;
  }

  /** @param end when it was given up to wait for answers, s */
  outcome(
    arrivals: Arrivals,
    setting: Setting,
    workers: readonly Worker[],
    doneAt: Float64Array,
    end: number,
  ): Outcome {
    const { seconds, times } = arrivals;
    return {
      seconds,
      waits: doneAt.map((done, i) => (done < 0 ? end : done) - times[i]!),
      lost: doneAt.reduce((sum, done) => sum + (done < 0 ? 1 : 0), 0),
      cost: workers.reduce((sum, worker) => sum + billed(worker, seconds, setting.leastBilledSeconds), 0),
      launches: this.#launches,
      wasted: workers.filter(
        ({ processed, launchedAt, ended }) => processed === 0 && (launchedAt > 0 || ended),
      ).length,
      busyKills: this.busyKills,
      peak: this.#peak,
      secondsAboveMax: this.#aboveMax,
      secondsBelowMin: this.#belowMin,
      finalFleet: workers.filter(({ ended }) => !ended).length,
      ec2Calls: this.runs + this.describes + this.terminates + this.grants,
      queueCalls: this.queueCalls,
      course: { depth: this.#depth, fleet: this.#fleet, ready: this.#ready },
    };
  }
}

function billed({ launchedAt, endedAt }: Worker, seconds: number, least: number): number {
  if (launchedAt >= seconds) return 0;
  const duration = Math.min(endedAt, seconds) - Math.max(0, launchedAt);
  return endedAt <= seconds ? Math.max(least, duration) : duration;
}
