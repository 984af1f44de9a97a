import type { ControllerKind } from '../controller.ts';
import { generator } from '../random.ts';
import { clamp } from './clamp.ts';
import { bringTo } from './group.ts';

const TICK_SECONDS = 10;
const TICKS_A_PERIOD = 6;
/** Periods in a row that raise the alarms. */
const HIGH_PERIODS = 3;
const LOW_PERIODS = 15;
const OUT_COOLDOWN_SECONDS = 60;
const IN_COOLDOWN_SECONDS = 300;

/**
 * EC2 Auto Scaling's target tracking on the backlog of an instance, as AWS describes it for SQS: a metric a minute,
 * alarms at the target (3 of 3) and at 90 % of it (15 of 15), instances ended without asking what they do.
 * https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html
 */
export const targetTracking: ControllerKind = ({ setting, seed }) => {
  const { min, max, messagesPerInstance: target } = setting;
  const chance = generator(seed + 99);
  let desired = min;
  let high = 0;
  let low = 0;
  let movedAt = Number.NEGATIVE_INFINITY;
  let ticks = 0;
  return {
    ownLeave: 'never',
    tick(cloud) {
      ticks++;
      if (ticks % TICKS_A_PERIOD === 0) {
        const inService = Math.max(1, cloud.group().filter(({ ready }) => ready).length);
        const { visible } = cloud.depth();
        const backlog = visible / inService;
        const wanted = clamp(Math.ceil(visible / target), min, max);
        high = backlog > target ? high + 1 : 0;
        low = backlog < 0.9 * target ? low + 1 : 0;
        if (high >= HIGH_PERIODS && cloud.now - movedAt >= OUT_COOLDOWN_SECONDS) {
          desired = Math.max(desired, wanted);
          movedAt = cloud.now;
        }
        if (low >= LOW_PERIODS && cloud.now - movedAt >= IN_COOLDOWN_SECONDS && wanted < desired) {
          desired = wanted;
          movedAt = cloud.now;
        }
      }
      bringTo(cloud, desired, (_, order, count) => {
        const victims = Array.from(
          { length: count },
          () => order.splice(Math.floor(chance() * order.length), 1)[0]!,
        );
        cloud.terminate(victims);
      });
      return TICK_SECONDS;
    },
    forget() {},
  };
};
