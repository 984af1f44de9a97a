import { heartbeatsOf, parseHeartbeat, SILENT_SECONDS } from '../../core/heartbeat.ts';
import type { Blobs, FleetView, Instance } from '../../ports.ts';

/**
 * The workers of another process's fleet on this machine, as their heartbeats tell: only the controller that started
 * them knows its children. One that has not said hello yet is not seen; that takes less than a second.
 */
export class LocalFleetView implements FleetView {
  readonly #output: Blobs;
  readonly #prefix: string;
  readonly #now: () => number;

  constructor(output: Blobs, fleet: string, now: () => number = Date.now) {
    this.#output = output;
    this.#prefix = heartbeatsOf(fleet);
    this.#now = now;
  }

  async list(): Promise<Instance[]> {
    const listed = await this.#output.list(this.#prefix);
    const fresh = listed.filter(({ modifiedAt }) => this.#now() - modifiedAt < SILENT_SECONDS * 1000);
    const found = await Promise.all(
      fresh.map(async ({ key }): Promise<Instance[]> => {
        const id = key.slice(this.#prefix.length);
        const slot = /^app-tier-instance-(\d+)-/.exec(id)?.[1];
        const stored = await this.#output.get(key);
        const heartbeat = stored && parseHeartbeat(stored.body);
        if (slot === undefined || !heartbeat) return [];
        const state = heartbeat.state === 'draining' ? 'draining' : 'running';
        return [{ id, slot: Number(slot), launchedAt: heartbeat.startedAt, state }];
      }),
    );
    return found.flat();
  }

  now(): number {
    return this.#now();
  }

  closedSlots(): number[] {
    return [];
  }
}
