import { decide as decideBySeed } from '../scaling.ts';
import { learnBoots, meanBoot, minRuntime } from './boot.ts';
import type { Decide } from './decide.ts';
import { learnService, UNKNOWN_SERVICE_SECONDS } from './service.ts';

/** The seed's plain rule: it forecasts nothing, and remembers boots only for `auto` as the minimum runtime. */
export const decideSeed: Decide = (snapshot, memory, policy, now) => {
  const learned = { ...learnBoots(memory, snapshot.instances), ...learnService(memory, snapshot.instances) };
  const boot = meanBoot(learned.boots);
  const minRuntimeSeconds = minRuntime(policy.minRuntimeSeconds, boot);
  const decision = decideBySeed(snapshot, { ...policy, minRuntimeSeconds }, now);
  const { visible, inFlight, delayed } = snapshot.depth;
  const backlog = visible + inFlight + delayed;
  return {
    ...decision,
    figures: {
      ...{ backlog, rate: 0, arriving: 0, boot, residual: backlog, minRuntimeSeconds },
      service: learned.service ?? UNKNOWN_SERVICE_SECONDS,
      live: snapshot.instances.filter(({ state }) => state !== 'draining').length,
    },
    memory: { ...memory, ...learned, since: memory.since ?? now },
  };
};
