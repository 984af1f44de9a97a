import type { Memory, ObservedInstance, Sample } from './types.ts';

/** Taken for the seconds of work in a message until a worker has finished some. */
export const UNKNOWN_SERVICE_SECONDS = 0.5;
/** Messages whose weight is half of all. */
const HALF_WEIGHT_MESSAGES = 20;

/** Exponentially weighted mean of what a message takes, from the workers' own counts of messages and busy time. */
export function learnService(
  memory: Pick<Memory, 'service' | 'counted'>,
  workers: readonly ObservedInstance[],
): Pick<Memory, 'service' | 'counted'> {
  const counted = new Map<string, { processed: number; busyMs: number }>();
  let messages = 0;
  let busyMs = 0;
  for (const worker of workers) {
    const known = memory.counted.get(worker.id);
    if (known === undefined && worker.startedAt === null) continue;
    const before = known ?? { processed: 0, busyMs: 0 };
    const more = worker.processed - before.processed;
    counted.set(worker.id, more > 0 ? { processed: worker.processed, busyMs: worker.busyMs } : before);
    if (more <= 0 || worker.busyMs <= before.busyMs) continue;
    messages += more;
    busyMs += worker.busyMs - before.busyMs;
  }
  if (messages === 0) return { service: memory.service, counted };
  const latest = busyMs / 1000 / messages;
  const weight = memory.service === null ? 1 : Math.min(0.5, messages / (2 * HALF_WEIGHT_MESSAGES));
  return { service: (memory.service ?? 0) * (1 - weight) + latest * weight, counted };
}

/**
 * What was counted as completed before any worker had told its service time rested on a guess: the same with what is known.
 */
export function recount(samples: readonly Sample[], service: number): readonly Sample[] {
  const factor = UNKNOWN_SERVICE_SECONDS / service;
  return samples.map(sample => ({ ...sample, completed: sample.completed * factor }));
}

/**
 * Messages completed in a time, by Little's law: each worker with a message in hand completes one in every `service`
 * seconds. The count of messages in flight says how many those are, up to the number of workers: a worker may hold more
 * than the one it works on.
 */
export function completions(inFlight: number, workers: number, service: number, seconds: number): number {
  return (Math.min(inFlight, workers) * seconds) / service;
}
