import type { ControllerKind } from '../controller.ts';
import { clamp } from './clamp.ts';
import { bringTo, newestGracefully } from './group.ts';

const SYNC_SECONDS = 15;
const STABILISATION_SECONDS = 300;
const TOLERANCE = 0.1;

/**
 * KEDA's aws-sqs-queue scaler with the Horizontal Pod Autoscaler's default behaviour: visible and in-flight messages, at
 * most doubled or 4 more in 15 s, scaled in to the highest wish of the last 300 s, gracefully.
 * https://keda.sh/docs/latest/scalers/aws-sqs/
 * https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
 */
export const keda: ControllerKind = ({ setting }) => {
  const { min, max, messagesPerInstance } = setting;
  let desired = min;
  let wishes: { at: number; count: number }[] = [];
  return {
    ownLeave: 'never',
    tick(cloud) {
      const { visible, inFlight } = cloud.depth();
      const messages = visible + inFlight;
      const wanted = clamp(Math.ceil(messages / messagesPerInstance), min, max);
      wishes = [
        ...wishes.filter(({ at }) => at >= cloud.now - STABILISATION_SECONDS),
        { at: cloud.now, count: wanted },
      ];
      const ratio = messages / (messagesPerInstance * Math.max(1, desired));
      if (Math.abs(ratio - 1) > TOLERANCE) {
        if (wanted > desired) desired = Math.min(wanted, Math.max(desired * 2, desired + 4));
        else desired = Math.min(desired, Math.max(...wishes.map(({ count }) => count)));
      }
      bringTo(cloud, desired, newestGracefully);
      return SYNC_SECONDS;
    },
    forget() {
      wishes = [];
    },
  };
};
