import type { ControllerKind, Plan } from '../controller.ts';
import { meanService } from '../setting.ts';

/** A wait that is no lateness, s. */
const GOAL_SECONDS = 25;
const LATENESS_WEIGHT = 100;
/** Most backlog told apart, in steps of a full default fleet. */
const MOST_BACKLOG = 2000;
const MOST_STATES = 150_000_000;

/**
 * Knows the arrivals. Lateness first, then instance-seconds with the boot of each launch, by dynamic programming over a
 * fluid model; launches just in time. A reference to compare with, no proof of an optimum.
 */
export const clairvoyant: ControllerKind = plan => {
  const { setting, arrivals } = plan;
  const boot = (setting.boot.from + setting.boot.to) / 2;
  const step = stepSeconds(arrivals.seconds);
  const course = bestCourse(plan, boot, step);
  const at = (t: number) => course[Math.min(course.length - 1, Math.max(0, Math.floor(t / step)))]!;
  return {
    ownLeave: 'never',
    tick(cloud) {
      const soon = cloud.now + boot + 2;
      const all = cloud.group();
      const order = all.filter(({ granted }) => !granted).map(({ index }) => index);
      let needed = at(soon);
      for (let t = cloud.now; t < soon; t += step) needed = Math.max(needed, at(t));
      const launches = Math.min(at(soon) - order.length, setting.max - all.length);
      for (let n = 0; n < launches; n++) cloud.launch({ boot });
      if (order.length > needed && cloud.now < arrivals.seconds) cloud.drain(order.slice(needed), 0.2);
      return 1;
    },
    forget() {},
  };
};

/** Whether the plan is small enough for the tables. */
export function canBeForeseen({ setting, arrivals }: Pick<Plan, 'setting' | 'arrivals'>): boolean {
  const steps = Math.ceil(arrivals.seconds / stepSeconds(arrivals.seconds));
  return steps * (setting.max - setting.min + 1) * (MOST_BACKLOG + 1) <= MOST_STATES;
}

function stepSeconds(seconds: number): number {
  return 5 * Math.max(1, Math.ceil(seconds / 14_400));
}

/** How many instances there should be in each step. */
function bestCourse({ setting, arrivals }: Plan, boot: number, step: number): Int32Array {
  const { min, max } = setting;
  const service = meanService(setting);
  const steps = Math.ceil(arrivals.seconds / step);
  const levels = max - min + 1;
  const width = MOST_BACKLOG + 1;
  // A unit of work is what one instance does in `grain` seconds.
  const grain = (Math.max(15, max) / 15) * (step / 5);
  const served = Math.max(1, Math.round(step / grain));
  const arriving = new Float64Array(steps);
  for (const t of arrivals.times) arriving[Math.min(steps - 1, Math.floor(t / step))]! += service / grain;
  const units = wholeUnits(arriving);
  const patience = Math.round(GOAL_SECONDS / step);
  const recent = arriving.map((_, k) =>
    arriving.slice(Math.max(0, k + 1 - patience), k + 1).reduce((a, b) => a + b, 0),
  );
  const lateness = (LATENESS_WEIGHT * step * grain) / service;

  let later = new Float64Array(levels * width);
  let now = new Float64Array(levels * width);
  const choice = new Uint8Array(steps * levels * width);
  const direct = new Float64Array(levels);
  const above = new Int32Array(levels);
  for (let k = steps - 1; k >= 0; k--) {
    for (let backlog = 0; backlog < width; backlog++) {
      for (let level = 0; level < levels; level++) {
        const count = level + min;
        const left = Math.min(MOST_BACKLOG, Math.max(0, backlog + units[k]! - count * served));
        const late = Math.max(0, left - recent[k]!);
        direct[level] = count * step + lateness * late + later[level * width + left]!;
      }
      // The cheapest level above, launches included, from the top down; the cheapest at or below, from the bottom up.
      let cheapest = levels - 1;
      for (let level = levels - 1; level >= 0; level--) {
        above[level] = cheapest;
        if (direct[level]! + boot * level < direct[cheapest]! + boot * cheapest) cheapest = level;
      }
      let below = 0;
      for (let level = 0; level < levels; level++) {
        if (direct[level]! < direct[below]!) below = level;
        const up = above[level]!;
        const upCost = direct[up]! + boot * Math.max(0, up - level);
        const rises = up > level && upCost < direct[below]! - 1e-9;
        now[level * width + backlog] = rises ? upCost : direct[below]!;
        choice[(k * levels + level) * width + backlog] = rises ? up : below;
      }
    }
    [later, now] = [now, later];
  }

  const course = new Int32Array(steps);
  let level = 0;
  let backlog = 0;
  for (let k = 0; k < steps; k++) {
    level = choice[(k * levels + level) * width + backlog]!;
    course[k] = level + min;
    backlog = Math.min(MOST_BACKLOG, Math.max(0, backlog + units[k]! - (level + min) * served));
  }
  return course;
}

/** Rounded down, and what that leaves carried over. */
function wholeUnits(amounts: Float64Array): Int32Array {
  let carried = 0;
  return Int32Array.from(amounts, amount => {
    const whole = Math.floor(carried + amount);
    carried += amount - whole;
    return whole;
  });
}
