import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { type Heartbeat, heartbeatKey } from '../../../src/core/heartbeat.ts';
import { leaseKey } from '../../../src/core/lease.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { AloneWatch } from '../../../src/worker/alone.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const HOUR = 3_600_000;
const policy = { min: 5, idleSeconds: 300, minRuntimeSeconds: 300 };

interface Worker {
  readonly id: string;
  readonly startedAt: number;
  /** How far its clock is ahead, ms. */
  readonly skewMs: number;
  readonly watch: AloneWatch;
  idleSince: number | null;
  /** Still there, and still working: one that is dead has left its heartbeat. */
  there: boolean;
}

/** Workers that beat and look every 15 s of a fake clock, and leave when they may; no controller but the test. */
class Fleet {
  time = 1_000_000_000;
  readonly workers: Worker[] = [];
  readonly #output: LocalBlobs;

  static async open(size: number, skewMs: (n: number) => number = () => 0): Promise<Fleet> {
    let fleet: Fleet | undefined;
    const now = () => fleet!.time + HOUR / 2;
    fleet = new Fleet(await LocalBlobs.open(join(temporaryDirectory(), 'out'), { now }));
    for (let n = 0; n < size; n++) fleet.#add(n, skewMs(n));
    return fleet;
  }
  private constructor(output: LocalBlobs) {
    this.#output = output;
  }

  #add(n: number, skewMs: number): void {
    const startedAt = this.time + skewMs + n;
    const worker: Worker = {
      ...{ id: `i-${String(n).padStart(2, '0')}`, startedAt, skewMs, idleSince: startedAt, there: true },
      watch: new AloneWatch({
        output: this.#output,
        fleet: 'f',
        state: () => this.#state(worker),
        policy: () => policy,
        log: silentLog,
        leave: () => {
          worker.there = false;
        },
        monotonic: () => this.time - 123_456,
      }),
    };
    this.workers.push(worker);
  }
  #state({ id, startedAt, skewMs, idleSince }: Worker): Heartbeat {
    const state = idleSince === null ? 'busy' : 'idle';
    return { v: 1, id, state, at: this.time + skewMs, startedAt, idleSince, processed: 0, version: '0' };
  }

  get here(): string[] {
    return this.workers.flatMap(({ id, there }) => (there ? [id] : []));
  }
  async controllerBeats(): Promise<void> {
    await this.#output.put(leaseKey('f'), new TextEncoder().encode(String(this.time)));
  }
  async pass(seconds: number, each?: () => Promise<void>): Promise<void> {
    for (let s = 0; s < seconds; s += 15) {
      this.time += 15_000;
      await each?.();
      for (const worker of this.workers.filter(({ there }) => there)) {
        const body = new TextEncoder().encode(JSON.stringify(this.#state(worker)));
        await this.#output.put(heartbeatKey('f', worker.id), body);
      }
      for (const worker of this.workers.filter(({ there }) => there)) {
        await worker.watch.look();
        // It says goodbye.
        if (!worker.there) await this.#output.delete(heartbeatKey('f', worker.id));
      }
    }
  }
}

test('fifteen idle workers whose controller dies settle at the oldest five', async () => {
  const fleet = await Fleet.open(15);
  await fleet.pass(1200, () => fleet.controllerBeats());
  expect(fleet.here).toHaveLength(15);
  await fleet.pass(90);
  expect(fleet.here).toHaveLength(15);
  await fleet.pass(600);
  expect(fleet.here).toEqual(['i-00', 'i-01', 'i-02', 'i-03', 'i-04']);
});

test('what the dead have left does not count, whatever their clocks said: five stay', async () => {
  for (const skew of [0, HOUR, -HOUR]) {
    const fleet = await Fleet.open(15, n => (n < 5 ? skew : 0));
    await fleet.pass(600, () => fleet.controllerBeats());
    // The oldest die, if only by their clocks the oldest, and say nothing.
    for (const worker of fleet.workers.slice(0, 5)) worker.there = false;
    await fleet.pass(900);
    expect(fleet.here).toEqual(['i-05', 'i-06', 'i-07', 'i-08', 'i-09']);
  }
});

test('who dies while others watch counts no longer than a minute', async () => {
  const fleet = await Fleet.open(7);
  await fleet.pass(75);
  for (const worker of fleet.workers.slice(0, 3)) worker.there = false;
  await fleet.pass(900);
  expect(fleet.here).toEqual(['i-03', 'i-04', 'i-05', 'i-06']);
});

test('clocks hours apart: exactly five stay', async () => {
  const fleet = await Fleet.open(15, n => ((n % 3) - 1) * HOUR);
  await fleet.pass(900);
  expect(fleet.here).toHaveLength(5);
});

test('a worker that has just been busy stays, and need not look', async () => {
  const fleet = await Fleet.open(6);
  const last = fleet.workers[5]!;
  last.idleSince = null;
  await fleet.pass(900);
  last.idleSince = fleet.time;
  await fleet.pass(300);
  expect(fleet.here).toHaveLength(6);
  await fleet.pass(45);
  expect(fleet.here).toHaveLength(5);
});
