import type { ControllerKind } from '../controller.ts';
import { clamp } from './clamp.ts';

/**
 * The rule as a plain reading has it: visible messages only, instances only once they run, an instance ended by
 * TerminateInstances whatever it does as soon as nothing is visible, workers leaving when idle.
 */
export const seedAsWritten: ControllerKind = ({ setting }) => ({
  ownLeave: 'idle',
  tick(cloud) {
    const { min, max, launchBatch, messagesPerInstance, minRuntimeSeconds } = setting;
    const { visible } = cloud.depth();
    const running = cloud.describe().filter(({ state }) => state === 'running');
    const desired = clamp(Math.ceil(visible / messagesPerInstance), min, max);
    const missing = Math.min(launchBatch, desired - running.length);
    for (let n = 0; n < missing; n++) cloud.launch();
    if (visible === 0 && running.length > min) {
      const old = running.filter(({ launchedAt }) => cloud.now - launchedAt >= minRuntimeSeconds);
      cloud.terminate(old.slice(0, running.length - min).map(({ index }) => index));
    }
    return visible > 0 ? 5 : 21;
  },
  forget() {},
});
