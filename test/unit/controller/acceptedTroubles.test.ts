import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { AcceptedReader } from '../../../src/controller/accepted.ts';
import { acceptedKey } from '../../../src/core/accepted.ts';
import { jsonBytes } from '../../../src/core/json.ts';
import { decide } from '../../../src/core/scaling/decide.ts';
import { emptyMemory, type Memory } from '../../../src/core/scaling/types.ts';
import type { Blobs } from '../../../src/ports.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { wrapBlobs } from '../../support/wrap.ts';
import { worker } from '../core/scaling/view.ts';

const RATE = 20;
const SERVICE = 0.5;
/** Enough for the rate, and for its chances. */
const WORKERS = 12;
const TROUBLE = 120;

interface Server {
  count: number;
  startedAt: number;
}

/** A steady load that a fleet of the right size serves as it comes; something happens to the web servers' counts at `TROUBLE`. */
class Steady {
  now = 1_700_000_000_000;
  reading = true;
  readonly output: Blobs;
  readonly servers = new Map<string, Server>([['a', { count: 0, startedAt: this.now - 3_600_000 }]]);
  /** Those whose counts are never read. */
  readonly silent = new Set<string>();

  static async begin(): Promise<Steady> {
    const clock: { steady?: Steady } = {};
    const store = await LocalBlobs.open(join(temporaryDirectory(), 'out'), { now: () => clock.steady!.now });
    clock.steady = new Steady(store);
    return clock.steady;
  }
  private constructor(store: LocalBlobs) {
    this.output = wrapBlobs(store, {
      get: key => (this.reading ? store.get(key) : Promise.reject(new Error('503'))),
    });
  }

  start(name: string): void {
    this.servers.set(name, { count: 0, startedAt: this.now });
  }
  async stop(name: string): Promise<void> {
    this.servers.delete(name);
    await this.output.delete(acceptedKey('f', name));
  }
  async arrive(): Promise<void> {
    for (const [name, server] of this.servers) {
      server.count += RATE / this.servers.size;
      const told = { v: 1, at: this.now, startedAt: server.startedAt, count: Math.floor(server.count) };
      if (!this.silent.has(name)) await this.output.put(acceptedKey('f', name), jsonBytes(told));
    }
  }
}

const troubles: Record<string, (steady: Steady, second: number) => unknown> = {
  'a count that cannot be read for a moment': (steady, second) => {
    steady.reading = second !== 0;
  },
  'a web server that starts again': async (steady, second) => {
    if (second === 0) await steady.stop('a');
    if (second === 2) steady.start('a');
  },
  'a second web server': (steady, second) => second === 0 && steady.start('b'),
  'a second web server that tells nothing': (steady, second) => {
    steady.silent.add('b');
    if (second === 0) steady.start('b');
  },
  'a count that is told late': (steady, second) => {
    if (second === 0) steady.silent.add('a');
    if (second === 20) steady.silent.delete('a');
  },
};

for (const [told, trouble] of Object.entries(troubles))
  test(`${told}: nobody is launched or drained for it`, async () => {
    const steady = await Steady.begin();
    const { output } = steady;
    const now = () => steady.now;
    const reader = new AcceptedReader({ output, fleetName: 'f', log: silentLog, now, monotonic: now });
    const policy = { min: 0, max: 100, launchBatch: 20, messagesPerInstance: 10, idleSeconds: 60 };
    const fleet = Array.from({ length: WORKERS }, (_, slot) =>
      worker(slot, { launchedAt: steady.now - 600_000, startedAt: steady.now - 580_000 }),
    );
    let memory: Memory = { ...emptyMemory, service: SERVICE, boots: [20] };
    const changes: string[] = [];
    for (let second = 0; second < 400; second++) {
      steady.now += 1_000;
      if (second >= TROUBLE) await trouble(steady, second - TROUBLE);
      await steady.arrive();
      const inFlight = steady.servers.size > 0 ? RATE * SERVICE : 0;
      const depth = { visible: 0, inFlight, delayed: 0, dead: 0 };
      const accepted = await reader.read();
      const view = { depth, instances: fleet, closedSlots: [], unheard: [], accepted };
      const decision = decide(view, memory, { ...policy, minRuntimeSeconds: 'auto' }, steady.now);
      memory = decision.memory;
      if (second > TROUBLE - 20) changes.push(...decision.reasons);
    }
    expect(changes).toEqual([]);
  }, 60_000);
