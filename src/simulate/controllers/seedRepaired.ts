import type { ControllerKind } from '../controller.ts';
import { clamp } from './clamp.ts';

/** How long a launch is counted that Describe does not show, s. */
const UNSEEN_SECONDS = 30;

/**
 * The least repair of that rule: in-flight messages count, instances count from their launch on, and workers leave only
 * beyond the first `min`.
 */
export const seedRepaired: ControllerKind = ({ setting }) => {
  const launched = new Map<number, number>();
  return {
    ownLeave: 'rank',
    tick(cloud) {
      const { min, max, launchBatch, messagesPerInstance, minRuntimeSeconds } = setting;
      const { visible, inFlight } = cloud.depth();
      const fleet = cloud.describe().filter(({ state }) => state !== 'terminated');
      const shown = new Set(fleet.map(({ index }) => index));
      for (const [index, at] of launched)
        if (shown.has(index) || cloud.now - at > UNSEEN_SECONDS) launched.delete(index);
      const size = fleet.length + launched.size;
      const desired = clamp(Math.ceil((visible + inFlight) / messagesPerInstance), min, max);
      for (let n = Math.min(launchBatch, desired - size); n > 0; n--) {
        const reply = cloud.launch();
        if (reply.kind === 'launched') launched.set(reply.instance.index, cloud.now);
      }
      if (visible + inFlight === 0 && size > min)
        cloud.terminate(
          fleet
            .slice(min)
            .filter(({ launchedAt }) => cloud.now - launchedAt >= minRuntimeSeconds)
            .map(({ index }) => index),
        );
      return 5;
    },
    forget: () => launched.clear(),
  };
};
