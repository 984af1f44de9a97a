import type { ObservedInstance, Policy, Snapshot } from '../../../../src/core/scaling/types.ts';

export const NOW = 10_000_000;

export const policy: Policy = {
  min: 5,
  max: 15,
  launchBatch: 5,
  messagesPerInstance: 5,
  idleSeconds: 300,
  minRuntimeSeconds: 'auto',
};

/** A worker that has been up for long, in the slot of its number. */
export function worker(slot: number, overrides: Partial<ObservedInstance> = {}): ObservedInstance {
  const launchedAt = NOW - 1_000_000 + slot;
  return {
    id: `i-${String(slot).padStart(2, '0')}`,
    slot,
    launchedAt,
    state: 'running',
    reported: true,
    idleSince: null,
    silentMs: 0,
    startedAt: launchedAt + 40_000,
    processed: 0,
    busyMs: 0,
    ...overrides,
  };
}

/** One that was launched so many seconds ago and has not said hello. */
export function booting(slot: number, age: number): ObservedInstance {
  const unheard = { reported: false, startedAt: null, silentMs: age * 1000 };
  return worker(slot, { launchedAt: NOW - age * 1000, state: 'pending', ...unheard });
}

export function workers(count: number, overrides: Partial<ObservedInstance> = {}): ObservedInstance[] {
  return Array.from({ length: count }, (_, slot) => worker(slot, overrides));
}

export function snapshot(
  visible: number,
  instances: ObservedInstance[],
  inFlight = 0,
  delayed = 0,
): Snapshot {
  return { depth: { visible, inFlight, delayed, dead: 0 }, instances, closedSlots: [], unheard: [] };
}
