import type { Instance } from '../../ports.ts';
import type { LaunchMark } from './token.ts';

/** An instance as EC2 described it. */
export interface SeenInstance {
  readonly id: string;
  readonly slot: number;
  /** ms since the epoch. */
  readonly launchedAt: number;
  readonly state: 'pending' | 'running' | 'draining' | 'terminated';
  readonly mark: LaunchMark | undefined;
  /** What EC2 said when it ended the instance, or could not start it. */
  readonly trouble?: string;
}

interface Holder extends SeenInstance {
  /** The first time since it was last described (or launched) that an answer left it out, ms of a monotonic clock. */
  readonly absentSince: number | undefined;
}

/** An instance that Describe leaves out is believed in for this long, ms: Describe lags behind. */
export const ABSENT_MS = 60_000;

/**
 * Who holds which slot: what EC2 described, and what was launched and is not described yet. A holder goes only when it
 * was seen terminated, or has been absent for `ABSENT_MS`. Does no I/O and reads no clock.
 */
export class Slots {
  readonly #holders = new Map<string, Holder>();

  /** @param at when the question was asked, ms of a monotonic clock: what was launched since may well be missing from the answer */
  see(instances: readonly SeenInstance[], at: number): void {
    const ids = new Set(instances.map(({ id }) => id));
    for (const seen of instances) {
      const known = this.#holders.get(seen.id)?.state;
      // An answer from a replica that lags neither brings back the dead nor takes back a granted leave.
      const stays = known === 'terminated' || (known === 'draining' && seen.state !== 'terminated');
      this.#put({ ...seen, state: stays ? known : seen.state, absentSince: undefined });
    }
    for (const holder of this.#holders.values()) {
      if (ids.has(holder.id)) continue;
      const { id, absentSince = at } = holder;
      if (at - absentSince >= ABSENT_MS) this.#holders.delete(id);
      else this.#put({ ...holder, absentSince });
    }
  }

  /** A launch has been answered with this instance, at that time of the same clock. */
  launched(instance: SeenInstance, at: number): void {
    if (!this.#holders.has(instance.id)) this.#put({ ...instance, absentSince: at });
  }

  /** Leave has been granted, or the instance's end asked for: it is not capacity any more. */
  leaving(id: string): void {
    const holder = this.#holders.get(id);
    if (holder && holder.state !== 'terminated') this.#put({ ...holder, state: 'draining' });
  }

  isHeld(slot: number): boolean {
    return [...this.#holders.values()].some(each => each.slot === slot && each.state !== 'terminated');
  }

  /** All that are not terminated, the oldest first. */
  list(): Instance[] {
    return [...this.#holders.values()]
      .flatMap(({ id, slot, launchedAt, state }) =>
        state === 'terminated' ? [] : [{ id, slot, launchedAt, state }],
      )
      .sort((a, b) => a.launchedAt - b.launchedAt || (a.id < b.id ? -1 : 1));
  }

  /** The least generation of the slot that may not be over, as far as is known here: it saves questions, no more. */
  generation(slot: number, epoch: number): number {
    const over = [...this.#holders.values()].flatMap(({ state, mark, slot: its }) =>
      state === 'terminated' && its === slot && mark?.epoch === epoch ? [mark.generation + 1] : [],
    );
    return Math.max(0, ...over);
  }

  #put(holder: Holder): void {
    this.#holders.set(holder.id, holder);
  }
}
