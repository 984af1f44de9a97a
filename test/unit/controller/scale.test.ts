import { afterEach, expect, test } from 'bun:test';
import { join } from 'node:path';
import type { Ec2FleetOptions } from '../../../src/adapters/aws/fleet.ts';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { LocalQueue } from '../../../src/adapters/local/queue.ts';
import { Scaler } from '../../../src/controller/scale.ts';
import { type Heartbeat, heartbeatKey } from '../../../src/core/heartbeat.ts';
import type { RuleName } from '../../../src/core/scaling/rules.ts';
import type { Policy } from '../../../src/core/scaling/types.ts';
import type { CloudOptions } from '../../support/ec2/cloud.ts';
import { noon, testClient, testFleet } from '../../support/ec2/fleet.ts';
import type { Ec2Instance } from '../../support/ec2/instance.ts';
import { type Ec2Server, startEc2 } from '../../support/ec2/server.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { wrapQueue } from '../../support/wrap.ts';
import { recordingLog } from '../adapters/recordingLog.ts';

const MINUTE = 60;
const worlds: World[] = [];
afterEach(() => Promise.all(worlds.splice(0).map(world => world.close())));

/** A controller's rounds, once a second of a fake clock, over the EC2 stand-in; the workers are heartbeats and no more. */
class World {
  time = noon;
  pending = 0;
  readonly log = recordingLog();
  /** Whether an instance's worker comes to life. */
  works: (instance: Ec2Instance) => boolean = () => true;
  /** Instances whose worker hangs: neither heartbeats nor obedience. */
  readonly hung = new Set<string>();
  peak = 0;
  ec2!: Ec2Server;
  #client!: ReturnType<typeof testClient>;
  #store!: LocalBlobs;
  #scaler!: Scaler;
  /** Another controller takes over, and knows nothing. */
  restart!: () => void;

  static async open(
    policy: Partial<Policy>,
    options: Partial<Ec2FleetOptions> = {},
    cloud: CloudOptions = {},
    rule: RuleName = 'law',
  ) {
    const world = new World();
    worlds.push(world);
    const now = () => world.time;
    world.ec2 = await startEc2({ now, bootMs: 5_000, stopMs: 5_000, ...cloud });
    world.#client = testClient(world.ec2.url);
    const directory = temporaryDirectory();
    world.#store = await LocalBlobs.open(join(directory, 'out'), { now });
    const queue = new LocalQueue({ file: join(directory, 'q.sqlite'), name: 'q', visibilitySeconds: 30 });
    const depth = async () => ({ visible: world.pending, inFlight: 0, delayed: 0, dead: 0 });
    const newScaler = () =>
      new Scaler({
        requests: wrapQueue(queue, { depth }),
        output: world.#store,
        fleet: testFleet({ client: world.#client, log: world.log, now, ...options }),
        fleetName: 'test',
        policy: () => ({ ...standard, ...policy }),
        rule: () => rule,
        holdsBack: true,
        log: world.log,
        monotonic: now,
      });
    world.restart = () => {
      world.#scaler = newScaler();
    };
    world.restart();
    return world;
  }

  get live(): Ec2Instance[] {
    return this.ec2.cloud.live();
  }
  get launched(): number {
    return this.ec2.cloud.instances.size;
  }
  calls(action: string): number {
    return this.ec2.cloud.calls.get(action) ?? 0;
  }
  events(name: string) {
    return this.log.entries.filter(({ event }) => event === name);
  }
  async pass(seconds: number): Promise<void> {
    for (let s = 0; s < seconds; s++) {
      this.time += 1_000;
      for (const instance of this.live) await this.#work(instance);
      await this.#scaler.round();
      this.peak = Math.max(this.peak, this.live.length);
    }
  }
  async close(): Promise<void> {
    this.#client.destroy();
    await this.ec2.close();
  }

  /** Boots for 20 s, beats every 15 s, is always busy, leaves when it may. */
  async #work(instance: Ec2Instance): Promise<void> {
    const { id, launchedAt, endedAt, tags } = instance;
    const age = this.time - launchedAt;
    if (endedAt !== undefined || this.hung.has(id) || !this.works(instance) || age < 20_000) return;
    if (tags.has('facerec-drain')) {
      await this.#store.delete(heartbeatKey('test', id));
      this.ec2.cloud.end(id);
    } else if (age % 15_000 < 1_000) {
      const said: Heartbeat = {
        ...{ v: 1, id, at: this.time, startedAt: launchedAt, processed: 0, version: '0' },
        ...{ state: 'idle', idleSince: launchedAt + 20_000 },
      };
      await this.#store.put(heartbeatKey('test', id), new TextEncoder().encode(JSON.stringify(said)));
    }
  }
}

const standard: Policy = {
  min: 2,
  max: 4,
  launchBatch: 5,
  messagesPerInstance: 5,
  idleSeconds: 60,
  minRuntimeSeconds: 60,
};

test('an instance that falls silent is replaced, and kept until it can be told from a dead one', async () => {
  const world = await World.open({});
  await world.pass(2 * MINUTE);
  expect(world.live).toHaveLength(2);
  const [silent] = world.live;
  world.hung.add(silent!.id);
  await world.pass(3 * MINUTE);
  expect(world.live).toHaveLength(3);
  await world.pass(20 * MINUTE);
  expect(world.live.map(({ id }) => id)).toContain(silent!.id);
  expect(world.live).toHaveLength(3);
  expect(world.events('instances-silent')).toMatchObject([{ instances: [silent!.id] }]);
  // It speaks again, and the newest leaves.
  world.hung.clear();
  await world.pass(3 * MINUTE);
  expect(world.live).toHaveLength(2);
  expect(world.live.map(({ id }) => id)).toContain(silent!.id);
  expect(world.calls('TerminateInstances')).toBe(0);
}, 120_000);

test('whoever is silent, the fleet stays within its maximum', async () => {
  const world = await World.open({});
  world.pending = 1_000;
  await world.pass(2 * MINUTE);
  for (const { id } of world.live) world.hung.add(id);
  await world.pass(30 * MINUTE);
  expect(world.live).toHaveLength(4);
  expect(world.peak).toBe(4);
}, 120_000);

test('an instance that hangs while it should leave is ended after ten minutes, and its slot is filled again', async () => {
  const world = await World.open({ max: 3 }, {}, { stopMs: 60_000 });
  world.pending = 15;
  await world.pass(2 * MINUTE);
  expect(world.live).toHaveLength(3);
  const newest = world.live.at(-1)!;
  world.pending = 0;
  // It is granted leave as an idle one, and hears nothing.
  while (!newest.tags.has('facerec-drain')) {
    await world.pass(1);
    if (newest.tags.has('facerec-drain')) world.hung.add(newest.id);
  }
  await world.pass(9 * MINUTE);
  expect(world.live).toContain(newest);
  world.pending = 15;
  await world.pass(2 * MINUTE);
  expect(newest.endedAt).toBeDefined();
  expect(world.calls('TerminateInstances')).toBeLessThanOrEqual(2);
  await world.pass(2 * MINUTE);
  expect(world.live).toHaveLength(3);
  expect(world.live).not.toContain(newest);
  expect(world.peak).toBe(3);
}, 120_000);

test('slots whose tokens belong to other settings keep nobody from launching in the others', async () => {
  const world = await World.open({ min: 3, max: 5 }, { image: 'ami-2' });
  const client = testClient(world.ec2.url);
  // Others have tried slots 0 and 1 in vain: EC2 holds a token to its parameters even so.
  world.ec2.cloud.setCapacity('*', '*', 0);
  await testFleet({ client, now: () => world.time }).launch([0, 1]);
  world.ec2.cloud.setCapacity('*', '*', 99);
  client.destroy();
  await world.pass(5);
  expect(world.live.map(({ tags }) => tags.get('facerec-slot')?.value).sort()).toEqual(['2', '3', '4']);
  await world.pass(10 * MINUTE);
  expect(world.live).toHaveLength(3);
  expect(world.peak).toBe(3);
}, 120_000);

test('the turn of a slot’s epoch keeps nobody from launching in the others', async () => {
  const world = await World.open({});
  world.time = 43_200_000 * 41_001 - 30_000;
  await world.pass(5);
  expect(world.live.map(({ tags }) => tags.get('facerec-slot')?.value).sort()).toEqual(['1', '2']);
}, 120_000);

test.each(['law', 'seed'] as const)(
  'machines that never report, by the %s: after a batch one an hour is tried, and somebody is told, once',
  async rule => {
    const world = await World.open({ min: 5, max: 15 }, {}, {}, rule);
    world.works = () => false;
    await world.pass(9 * MINUTE);
    expect(world.launched).toBe(5);
    const failed = world.live.map(({ id }) => id).sort();
    await world.pass(6 * 60 * MINUTE);
    // At 10 minutes the batch has failed; then one is tried at 20, 50, 100, 170, 240 and 310 minutes.
    expect(world.launched).toBe(11);
    expect(world.events('instances-never-reported')).toMatchObject([
      { level: 'error', instances: failed, error: expect.stringContaining('user data') },
    ]);
    world.works = () => true;
    await world.pass(75 * MINUTE);
    expect(world.live).toHaveLength(5);
    expect(world.events('instances-report-again')).toHaveLength(1);
  },
  120_000,
);

test('where boots are known, machines that never report are ended soon, and launching rests after two batches', async () => {
  const world = await World.open({ min: 5, max: 15 });
  await world.pass(2 * MINUTE);
  world.works = instance => instance.launchedAt < noon + MINUTE * 1000;
  world.pending = 1_000;
  await world.pass(10 * MINUTE);
  expect(world.events('instances-never-reported')).toHaveLength(1);
  const tried = world.launched - 5;
  expect(tried).toBeGreaterThanOrEqual(10);
  expect(tried).toBeLessThanOrEqual(15);
  await world.pass(50 * MINUTE);
  expect(world.launched - 5 - tried).toBeLessThanOrEqual(4);
  expect(world.peak).toBe(15);
  // The five that work are left alone.
  expect(world.live.filter(({ launchedAt }) => launchedAt < noon + MINUTE * 1000)).toHaveLength(5);
}, 120_000);

test('what cannot be launched is told once, though its figures change', async () => {
  const world = await World.open({ min: 1, max: 9 });
  await world.pass(2 * MINUTE);
  const told = world.events('decision').length;
  world.ec2.cloud.setCapacity('*', '*', 0);
  for (let s = 0; s < 120; s++) {
    world.pending = 400 + s;
    await world.pass(1);
  }
  expect(world.launched).toBe(1);
  expect(world.events('decision').length - told).toBeWithin(1, 4);
}, 120_000);

test('machines that end by themselves without a word count as well', async () => {
  const world = await World.open({ min: 5, max: 15 });
  world.works = instance => {
    if (world.time - instance.launchedAt >= 15_000) world.ec2.cloud.end(instance.id);
    return false;
  };
  await world.pass(30 * MINUTE);
  expect(world.launched).toBeLessThanOrEqual(5 + 2);
  expect(world.events('instances-never-reported')).toHaveLength(1);
}, 120_000);

test('a controller that begins while workers are leaving launches at once', async () => {
  const world = await World.open({ min: 5, max: 15 }, {}, { stopMs: 40_000 });
  world.pending = 75;
  await world.pass(3 * MINUTE);
  expect(world.live).toHaveLength(15);
  world.pending = 0;
  while (!world.live.some(({ endedAt }) => endedAt !== undefined)) await world.pass(1);
  await world.pass(15);
  world.restart();
  world.pending = 200;
  const before = world.launched;
  // As soon as their slots are free.
  await world.pass(MINUTE);
  expect(world.launched - before).toBeGreaterThanOrEqual(5);
  expect(world.peak).toBe(15);
  expect(world.events('instances-never-reported')).toEqual([]);
}, 120_000);

test('a machine whose clock is an hour off scales as any other', async () => {
  for (const skewMs of [-60 * MINUTE * 1000, 60 * MINUTE * 1000]) {
    const skewed: { now: () => number; monotonic: () => number } = {
      now: () => world.time + skewMs,
      monotonic: () => world.time,
    };
    const world = await World.open({ min: 2, max: 6, launchBatch: 2 }, skewed);
    world.pending = 1_000;
    await world.pass(MINUTE);
    expect(world.live).toHaveLength(6);
    world.pending = 0;
    await world.pass(4 * MINUTE);
    expect(world.live).toHaveLength(2);
    expect(world.calls('TerminateInstances')).toBe(0);
    expect(world.events('clock-skewed')).toMatchObject([{ seconds: skewMs / 1000 }]);
  }
}, 120_000);

test('machines that end while others report stop nobody', async () => {
  const world = await World.open({ min: 5, max: 15 });
  let broken = 0;
  const doomed = new Set<string>();
  world.works = instance => {
    if (doomed.has(instance.id)) world.ec2.cloud.end(instance.id);
    return !doomed.has(instance.id);
  };
  for (let round = 0; round < 10; round++) {
    await world.pass(MINUTE);
    for (const { id } of world.live.slice(0, 1)) {
      doomed.add(id);
      broken++;
    }
  }
  await world.pass(2 * MINUTE);
  expect(broken).toBe(10);
  expect(world.live).toHaveLength(5);
  expect(world.events('instances-never-reported')).toEqual([]);
}, 120_000);
