import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { EC2Client } from '@aws-sdk/client-ec2';
import { Ec2Fleet, type Ec2FleetOptions } from '../../../src/adapters/aws/fleet.ts';
import { placements } from '../../../src/adapters/aws/placements.ts';
import { userData } from '../../../src/adapters/aws/userData.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import type { CloudOptions } from '../../support/ec2/cloud.ts';
import { noon, testClient, testFleet } from '../../support/ec2/fleet.ts';
import { tagsAt } from '../../support/ec2/instance.ts';
import { type Ec2Server, startEc2 } from '../../support/ec2/server.ts';
import { recordingLog } from './recordingLog.ts';

let time = noon;
let ec2: Ec2Server;
let client: EC2Client;

const start = async (options: CloudOptions = {}, maxAttempts = 1) => {
  await ec2?.close();
  ec2 = await startEc2({ now: () => time, bootMs: 5_000, stopMs: 5_000, ...options });
  client = testClient(ec2.url, maxAttempts);
};
beforeEach(() => {
  time = noon;
  return start();
});
afterEach(async () => {
  client.destroy();
  await ec2.close();
});

const fleetWith = (options: Partial<Ec2FleetOptions> = {}) =>
  testFleet({ client, now: () => time, ...options });
const calls = (action: string) => ec2.cloud.calls.get(action) ?? 0;
const live = () => ec2.cloud.live();
const twoSubnets = placements({ subnets: ['subnet-a', 'subnet-b'] });
const HOUR = 3_600_000;
const heldLong = { heldSince: () => noon - 60_000 };

describe('what is asked of EC2', () => {
  test('one Describe in ten seconds, and nothing else at idle', async () => {
    const fleet = fleetWith();
    for (let second = 0; second < 60; second++) {
      await Promise.all([fleet.list(), fleet.list()]);
      time += 1_000;
    }
    expect(Object.fromEntries(ec2.cloud.calls)).toEqual({ DescribeInstances: 6 });
  });

  test('all pages, of this fleet alone', async () => {
    const fleet = fleetWith({ pageSize: 5 });
    await fleet.launch(Array.from({ length: 12 }, (_, slot) => slot));
    await fleetWith({ fleet: 'other' }).launch([0]);
    const other = fleetWith({ pageSize: 5 });
    const before = calls('DescribeInstances');
    expect((await other.list()).map(({ slot }) => slot).sort((a, b) => a - b)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ]);
    expect(calls('DescribeInstances') - before).toBe(3);
  });

  test('an instance that ends itself, whose metadata is closed to others, with its tags and settings', async () => {
    const settings = { FACEREC_BACKEND: 'aws', FACEREC_FLEET: 'test' };
    await fleetWith({
      placements: [{ subnet: 'subnet-a', type: 't3.small' }],
      instanceProfile: 'facerec-worker',
      securityGroups: ['sg-1'],
      userData: userData(settings),
    }).launch([3]);
    const [instance] = live();
    expect(instance).toMatchObject({
      image: 'ami-1',
      type: 't3.small',
      subnet: 'subnet-a',
      profile: 'facerec-worker',
      httpTokens: 'required',
      tagsInMetadata: true,
      shutdownBehaviour: 'terminate',
      userData: userData(settings),
      spot: false,
    });
    const tags = Object.fromEntries(tagsAt(instance!, time));
    expect(tags).toMatchObject({
      'facerec-fleet': 'test',
      'facerec-slot': '3',
      'facerec-launch': '41000.0.0',
    });
    expect(tags.Name).toBe(`app-tier-instance-3-${instance!.token.slice(0, 8)}`);
  });

  test('a launch template may say it instead', async () => {
    await start({ templates: [{ id: 'lt-0a', name: 'workers' }] });
    const options = { client, now: () => time, fleet: 'test', placements: [{}], log: silentLog };
    await new Ec2Fleet({ ...options, template: { name: 'lt-0a' } }).launch([0]);
    await new Ec2Fleet({ ...options, template: { name: 'workers', version: '3' } }).launch([1]);
    expect(live().map(({ image }) => image)).toEqual(['ami-of-the-template', 'ami-of-the-template']);
    expect(() => new Ec2Fleet(options)).toThrow('image or a launch template');
  });

  test('nothing when it closes', async () => {
    const fleet = fleetWith();
    await fleet.launch([0]);
    await fleet.close();
    expect(live()).toHaveLength(1);
  });
});

describe('the life of an instance', () => {
  test('launched and not described yet, it is listed as pending', async () => {
    await start({ newLagMs: 30_000 });
    const fleet = fleetWith();
    await fleet.launch([0]);
    for (let second = 0; second < 29; second++) {
      expect(await fleet.list()).toMatchObject([{ slot: 0, state: 'pending', launchedAt: noon }]);
      time += 1_000;
    }
    time += 12_000;
    expect(await fleet.list()).toMatchObject([{ slot: 0, state: 'running' }]);
  });

  test('pending, running, draining, and not listed when terminated', async () => {
    const fleet = fleetWith();
    await fleet.launch([0]);
    expect(await fleet.list()).toMatchObject([{ state: 'pending' }]);
    time += 10_000;
    const id = (await fleet.list())[0]!.id;
    expect(await fleet.list()).toMatchObject([{ state: 'running' }]);
    await fleet.drain([id]);
    expect(await fleet.list()).toMatchObject([{ state: 'draining' }]);
    expect(tagsAt(live()[0]!, time).get('facerec-drain')).toBe(new Date(time).toISOString());
    // Another controller sees the same from the tag.
    expect(await fleetWith().list()).toMatchObject([{ state: 'draining' }]);
    ec2.cloud.end(id);
    time += 4_000;
    expect(await fleetWith().list()).toMatchObject([{ state: 'draining' }]);
    time += 6_000;
    expect(await fleet.list()).toEqual([]);
  });

  test('its slot is filled again once it was seen terminated, not before', async () => {
    await start({ stateLagMs: 20_000 });
    const fleet = fleetWith();
    await fleet.launch([0]);
    time += 60_000;
    await fleet.list();
    ec2.cloud.endAll();
    time += 10_000;
    await fleet.launch([0]);
    expect(calls('RunInstances')).toBe(1);
    time += 20_000;
    await fleet.launch([0]);
    expect(live().map(({ tags }) => tags.get('facerec-launch')?.value)).toEqual([
      expect.stringMatching(/\.1\.0$/),
    ]);
    expect(calls('RunInstances')).toBe(2);
  });

  test('is asked to end once a minute, however often that is wanted', async () => {
    await start({ stopMs: 150_000 });
    const fleet = fleetWith();
    await fleet.launch([0, 1]);
    const [one, two] = (await fleet.list()).map(({ id }) => id);
    ec2.cloud.faults.next('TerminateInstances', { kind: 'error', code: 'RequestLimitExceeded' });
    await expect(fleet.terminate([one!])).rejects.toThrow('ec2:TerminateInstances');
    for (let second = 0; second < 120; second++) {
      await fleet.terminate(second < 30 ? [one!] : [one!, two!]);
      time += 1_000;
    }
    expect(calls('TerminateInstances')).toBe(4);
  });

  test('an id that EC2 does not know is neither an error nor a proof of death', async () => {
    await start({ newLagMs: 30_000 });
    const fleet = fleetWith();
    await fleet.launch([0]);
    const id = (await fleet.list())[0]!.id;
    await fleet.drain([id, 'i-0123456789abcdef0']);
    expect(await fleet.list()).toMatchObject([{ id, state: 'pending' }]);
    time += 31_000;
    await fleet.drain(['i-0123456789abcdef0', id]);
    expect(await fleet.list()).toMatchObject([{ id, state: 'draining' }]);
    await fleet.terminate(['i-0123456789abcdef0', id]);
    time += 10_000;
    expect(live()).toEqual([]);
  });
});

describe('any number of controllers', () => {
  test('launch one instance a slot from the same view', async () => {
    await start({ newLagMs: 60_000 });
    const fleets = [fleetWith(), fleetWith(), fleetWith()];
    await Promise.all(fleets.map(fleet => fleet.launch([0, 1, 2])));
    expect(live()).toHaveLength(3);
    expect(await fleets[0]!.list()).toEqual(await fleets[2]!.list());
  });

  test('follow the chain past instances that one of them has not seen', async () => {
    await start({ newLagMs: 20_000 });
    const [knowing, late] = [fleetWith(), fleetWith()];
    await late.list();
    for (let i = 0; i < 3; i++) {
      await knowing.launch([0]);
      time += 1_000;
      ec2.cloud.endAll();
      time += 40_000;
    }
    await knowing.launch([0]);
    await late.launch([0]);
    expect(live()).toHaveLength(1);
    expect(await late.list()).toMatchObject([{ id: live()[0]!.id }]);
  });

  test('also when EC2 lists the last holder no more', async () => {
    await start({ forgetMs: 100_000, newLagMs: 20_000 });
    const old = fleetWith();
    await old.launch([0]);
    time += 30_000;
    ec2.cloud.endAll();
    time += 100_000;
    await old.list();
    // One controller still has the slot's last holder in its view, the other has never heard of it.
    time += 6_000;
    await old.launch([0]);
    await fleetWith().launch([0]);
    expect(live()).toHaveLength(1);
  });

  test('launch nothing near the turn of the slot’s epoch', async () => {
    const turn = 43_200_000 * 41_001;
    await start({ newLagMs: 50_000 });
    time = turn - 59_000;
    await fleetWith().launch([0]);
    time = turn + 59_000;
    await fleetWith().launch([0]);
    expect(live()).toHaveLength(0);
    time = turn - 61_000;
    await fleetWith().launch([0]);
    time = turn + 61_000;
    await fleetWith().launch([0]);
    expect(live()).toHaveLength(1);
  });

  test('says which slots cannot be filled now: at the turn of an epoch, and with other settings', async () => {
    const turn = 43_200_000 * 41_001;
    const fleet = fleetWith();
    // Nobody knows EC2's time yet.
    expect(fleet.closedSlots(2)).toEqual([0, 1]);
    await fleet.list();
    expect(fleet.closedSlots(15)).toEqual([]);
    // The turns of the slots are four minutes apart.
    for (const [slot, minutes] of [
      [0, 0],
      [3, -12],
    ] as const) {
      time = turn + minutes * 60_000 - 59_000;
      expect(fleet.closedSlots(15)).toEqual([slot]);
      time += 118_000;
      expect(fleet.closedSlots(15)).toEqual([slot]);
      expect(fleet.closedSlots(slot)).toEqual([]);
      time += 2_000;
      expect(fleet.closedSlots(15)).toEqual([]);
    }
    time = noon;
    await start({ newLagMs: 30_000 });
    await fleetWith().launch([2]);
    const changed = fleetWith({ image: 'ami-2' });
    await changed.launch([0, 2]);
    expect(changed.closedSlots(15)).toEqual([2]);
    time += 61_000;
    expect(changed.closedSlots(15)).toEqual([]);
  });

  test('only the holder of the lease launches, where there is one', async () => {
    await fleetWith({ lease: { heldSince: () => undefined } }).launch([0]);
    expect(live()).toHaveLength(0);
    await fleetWith({ lease: { heldSince: () => time } }).launch([0]);
    expect(live()).toHaveLength(1);
  });

  test('leave a slot to a controller with other settings, and say so', async () => {
    await start({ newLagMs: 30_000 });
    const log = recordingLog();
    const changed = fleetWith({ image: 'ami-2', log });
    await fleetWith().launch([0]);
    await changed.launch([0]);
    await changed.launch([0]);
    expect(live()).toHaveLength(1);
    expect(log.entries.filter(({ level }) => level === 'error')).toMatchObject([
      { event: 'slot-has-other-settings', slot: 0 },
    ]);
  });
});

describe('lost replies', () => {
  test('are repeated with the same token and the same parameters', async () => {
    const fleet = fleetWith();
    ec2.cloud.faults.next('RunInstances', { kind: 'lost-reply' });
    await fleet.launch([0]);
    expect(await fleet.list()).toEqual([]);
    time += 2_000;
    await fleet.launch([0]);
    expect(live()).toHaveLength(1);
    expect(await fleet.list()).toMatchObject([{ slot: 0, state: 'pending' }]);
  });

  test('with several placements, too: the first one is not left before it is certain', async () => {
    await start({ newLagMs: 50_000 });
    const fleet = fleetWith({ placements: twoSubnets, lease: heldLong });
    ec2.cloud.faults.next('RunInstances', { kind: 'lost-request' });
    await fleet.launch([0]);
    ec2.cloud.setCapacity('subnet-a', '*', 0);
    for (let second = 0; second < 50; second++) {
      time += 1_000;
      await fleet.launch([0]);
    }
    // The lost request could still be on its way.
    expect(live()).toHaveLength(0);
    for (let second = 0; second < 90; second++) {
      time += 1_000;
      await fleet.launch([0]);
    }
    expect(live()).toMatchObject([{ subnet: 'subnet-b' }]);
  });

  test('are not repeated by the SDK behind the fleet’s back', async () => {
    await start({}, 5);
    const fleet = fleetWith();
    ec2.cloud.setCapacity('*', '*', 0);
    await fleet.launch([0]);
    expect(calls('RunInstances')).toBe(1);
  });
});

describe('no capacity', () => {
  test('the next subnet, then the next type, then five seconds of rest and longer', async () => {
    const log = recordingLog();
    const choices = placements({ subnets: ['subnet-a', 'subnet-b'], types: ['t2.micro', 't3.micro'] });
    const fleet = fleetWith({ placements: choices, lease: heldLong, log });
    ec2.cloud.setCapacity('subnet-a', 't2.micro', 1);
    ec2.cloud.setCapacity('subnet-b', 't2.micro', 1);
    ec2.cloud.setCapacity('subnet-a', 't3.micro', 1);
    ec2.cloud.setCapacity('subnet-b', 't3.micro', 0);
    for (const slot of [0, 1, 2]) await fleet.launch([slot]);
    expect(live().map(({ subnet, type }) => `${subnet}/${type}`)).toEqual([
      'subnet-a/t2.micro',
      'subnet-b/t2.micro',
      'subnet-a/t3.micro',
    ]);
    for (let second = 0; second < 240; second++) {
      await fleet.launch([3]);
      time += 1_000;
    }
    const rests = log.entries.filter(({ event }) => event === 'launch-no-capacity');
    expect(rests.map(({ waitSeconds }) => waitSeconds)).toEqual([5, 10, 20, 40, 60, 60, 60]);
    ec2.cloud.setCapacity('subnet-b', 't3.micro', 1);
    time += 60_000;
    await fleet.launch([3]);
    expect(live()).toHaveLength(4);
  });

  test('rests also when some of a batch found room', async () => {
    const fleet = fleetWith();
    ec2.cloud.setCapacity('*', '*', 2);
    await fleet.launch([0, 1, 2, 3, 4]);
    await fleet.launch([2, 3, 4]);
    expect(live()).toHaveLength(2);
    expect(calls('RunInstances')).toBe(5);
  });

  test('spot first, on demand where there is none', async () => {
    const fleet = fleetWith({ placements: placements({ spot: true }), lease: heldLong });
    const fault = { kind: 'error', code: 'SpotMaxPriceTooLow', status: 400 } as const;
    await fleet.launch([0]);
    ec2.cloud.faults.next('RunInstances', fault);
    await fleet.launch([1]);
    expect(live().map(({ spot }) => spot)).toEqual([true, false]);
  });

  test('without a lease nobody leaves the first placement: two would be filled in one slot', async () => {
    const [one, two] = [fleetWith({ placements: twoSubnets }), fleetWith({ placements: twoSubnets })];
    ec2.cloud.setCapacity('subnet-a', '*', 0);
    await one.launch([0]);
    ec2.cloud.setCapacity('subnet-a', '*', 9);
    await two.launch([0]);
    time += 6_000;
    await one.launch([0]);
    expect(live()).toHaveLength(1);
  });

  test('a new holder of the lease waits until its predecessor’s launches can be seen', async () => {
    await start({ newLagMs: 50_000 });
    const lease = { heldSince: () => noon - 59_000 };
    ec2.cloud.setCapacity('subnet-a', '*', 0);
    await fleetWith({ placements: twoSubnets, lease: heldLong }).launch([0]);
    ec2.cloud.setCapacity('subnet-a', '*', 9);
    const next = fleetWith({ placements: twoSubnets, lease });
    await next.launch([0]);
    expect(live()).toHaveLength(1);
    time += 51_000;
    await next.launch([0]);
    expect(live()).toHaveLength(1);
  });
});

describe('refusals', () => {
  test('throttling: a jittered pause that grows', async () => {
    const log = recordingLog();
    let random = 0;
    const fleet = fleetWith({ log, random: () => random });
    ec2.cloud.faults.next('RunInstances', { kind: 'error', code: 'RequestLimitExceeded', status: 503 }, 2);
    await fleet.launch([0]);
    random = 1;
    time += 500;
    await fleet.launch([0]);
    time += 2_999;
    await fleet.launch([0]);
    expect(calls('RunInstances')).toBe(0);
    time += 1;
    await fleet.launch([0]);
    expect(live()).toHaveLength(1);
    const waits = log.entries.filter(({ event }) => event === 'launch-throttled');
    expect(waits.map(({ waitSeconds }) => waitSeconds)).toEqual([0.5, 3]);
  });

  test('no permission: said once, loudly, with the action’s name, and left for ten minutes', async () => {
    const log = recordingLog();
    const fleet = fleetWith({ log });
    ec2.cloud.faults.denied.add('ec2:RunInstances');
    for (let second = 0; second < 1_300; second += 10) {
      await fleet.launch([0, 1]);
      time += 10_000;
    }
    const errors = log.entries.filter(({ level }) => level === 'error');
    expect(errors).toMatchObject([
      { event: 'launch-refused', code: 'UnauthorizedOperation', waitSeconds: 600 },
    ]);
    expect(errors[0]?.error).toContain('ec2:RunInstances');
    expect(calls('RunInstances')).toBe(6);
    ec2.cloud.faults.denied.clear();
    time += 600_000;
    await fleet.launch([0, 1]);
    expect(live()).toHaveLength(2);
  });

  test('wrong parameters are said the same way', async () => {
    await start({ images: ['ami-9'] });
    const log = recordingLog();
    await fleetWith({ log }).launch([0]);
    expect(log.entries).toMatchObject([
      {
        level: 'error',
        code: 'InvalidAMIID.NotFound',
        error:
          "ec2:RunInstances for fleet test was refused; correct the launch settings. EC2 said: InvalidAMIID.NotFound: The image id '[ami-1]' does not exist",
      },
    ]);
  });

  test('of a drain or a terminate reject, with the action’s name', async () => {
    const fleet = fleetWith();
    await fleet.launch([0]);
    const id = (await fleet.list())[0]!.id;
    ec2.cloud.faults.denied.add('ec2:CreateTags').add('ec2:TerminateInstances');
    await expect(fleet.drain([id])).rejects.toThrow('ec2:CreateTags');
    await expect(fleet.terminate([id])).rejects.toThrow('ec2:TerminateInstances');
    expect(await fleet.list()).toMatchObject([{ state: 'pending' }]);
  });

  test('a Describe that fails: the last view for a minute, then an error; no launch on an old view', async () => {
    const log = recordingLog();
    const fleet = fleetWith({ log });
    await fleet.launch([0]);
    ec2.cloud.faults.next('DescribeInstances', { kind: 'error', code: 'RequestLimitExceeded' }, 1_000);
    time += 30_000;
    expect(await fleet.list()).toHaveLength(1);
    await fleet.launch([1]);
    expect(live()).toHaveLength(1);
    expect(log.entries.filter(({ event }) => event === 'fleet-view-stale')).toHaveLength(1);
    time += 31_000;
    await expect(fleet.list()).rejects.toThrow('ec2:DescribeInstances');
  });

  test('a fleet that was never seen is unknown, not empty', async () => {
    const fleet = fleetWith();
    ec2.cloud.faults.denied.add('ec2:DescribeInstances');
    for (let second = 0; second < 3; second++) {
      await expect(fleet.list()).rejects.toThrow('ec2:DescribeInstances');
      await expect(fleet.launch([0])).rejects.toThrow('ec2:DescribeInstances');
    }
    expect(calls('DescribeInstances')).toBe(1);
    ec2.cloud.faults.denied.clear();
    time += 1_500;
    expect(await fleet.list()).toEqual([]);
  });
});

describe('clocks', () => {
  /** The machine's own, and one that has nothing to do with it. */
  const strange = { now: () => time, monotonic: () => time - noon };

  test('EC2’s is the fleet’s, whatever the machine’s says, and an operator hears of it once', async () => {
    for (const skewMs of [-HOUR, HOUR]) {
      const log = recordingLog();
      const fleet = fleetWith({ ...strange, log, now: () => time + skewMs });
      for (let second = 0; second < 60; second++) {
        await fleet.list();
        expect(Math.abs(fleet.now() - time)).toBeLessThan(1_000);
        time += 1_000;
      }
      expect(log.entries).toMatchObject([
        {
          level: 'warn',
          event: 'clock-skewed',
          seconds: skewMs / 1_000,
          advice: expect.stringContaining('NTP'),
        },
      ]);
    }
    const log = recordingLog();
    await fleetWith({ ...strange, log, now: () => time + 29_000 }).list();
    expect(log.entries).toEqual([]);
  });

  test('a refusal tells the time as well', async () => {
    const fleet = fleetWith({ ...strange, now: () => 0 });
    ec2.cloud.faults.denied.add('ec2:DescribeInstances');
    await expect(fleet.list()).rejects.toThrow('ec2:DescribeInstances');
    expect(fleet.now()).toBe(time);
  });

  test('of a server that does not tell its time nothing is believed, and nothing launched', async () => {
    const bare = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: async request => {
        const answer = await fetch(ec2.url, { method: 'POST', body: await request.text() });
        return new Response(await answer.text(), { status: answer.status, headers: { date: 'soon' } });
      },
    });
    const blind = testClient(bare.url.href);
    try {
      const fleet = fleetWith({ client: blind });
      await expect(fleet.launch([0])).rejects.toThrow('Date');
      expect(fleet.closedSlots(2)).toEqual([0, 1]);
      expect(live()).toEqual([]);
    } finally {
      blind.destroy();
      await bare.stop(true);
    }
  });

  test('the machine’s may step back, and the view goes on', async () => {
    let step = 0;
    const fleet = fleetWith({ ...strange, now: () => time + step });
    await fleet.launch([0, 1]);
    time += 30_000;
    expect(await fleet.list()).toHaveLength(2);
    step = -HOUR;
    const [id] = (await fleet.list()).map(({ id }) => id);
    await fleet.drain([id!]);
    const { tags } = live().find(each => each.id === id)!;
    expect(tags.get('facerec-drain')?.value).toBe(new Date(time).toISOString());
    ec2.cloud.endAll();
    time += 30_000;
    expect(await fleet.list()).toEqual([]);
    await fleet.launch([0, 1]);
    expect(live()).toHaveLength(2);
    // Nor is a rest any longer.
    ec2.cloud.faults.next('RunInstances', {
      kind: 'error',
      code: 'InsufficientInstanceCapacity',
      status: 500,
    });
    await fleet.launch([2]);
    step = -2 * HOUR;
    time += 6_000;
    await fleet.launch([2]);
    expect(live()).toHaveLength(3);
  });

  test('two controllers whose machines differ are in one epoch: slots are filled once around its turn', async () => {
    const slots = Array.from({ length: 15 }, (_, slot) => slot);
    for (const skewMs of [600_000, HOUR, -HOUR, 12 * HOUR]) {
      await start({ newLagMs: 3_000 });
      time = 43_200_000 * 41_001 - 8 * 60_000;
      const fleets = [0, skewMs].map(skew =>
        fleetWith({ now: () => time + skew, monotonic: () => time - noon + skew / 7 }),
      );
      let peak = 0;
      for (let second = 0; second < 900; second += 3) {
        for (const fleet of fleets) {
          await fleet.list();
          await fleet.launch(slots);
        }
        peak = Math.max(peak, live().length);
        time += 3_000;
      }
      expect(peak).toBe(15);
    }
  }, 60_000);
});

test('why EC2 ends an instance by itself is said, once; the ends that are wanted are not', async () => {
  const log = recordingLog();
  const fleet = fleetWith({ log });
  await fleet.launch([0, 1, 2, 3]);
  const [kms, volumes, leaver, spot] = live().map(({ id }) => id);
  ec2.cloud.end(kms!, {
    code: 'Client.InternalError',
    message: 'Client.InternalError: Client error on launch',
  });
  ec2.cloud.end(volumes!, {
    code: 'Client.VolumeLimitExceeded',
    message: 'Client.VolumeLimitExceeded: Volume limit exceeded',
  });
  ec2.cloud.end(leaver!, {
    code: 'Client.InstanceInitiatedShutdown',
    message: 'Client.InstanceInitiatedShutdown: Instance initiated shutdown',
  });
  ec2.cloud.end(spot!, { code: 'Server.SpotInstanceTermination', message: '' });
  for (let second = 0; second < 60; second += 5) {
    await fleet.list();
    time += 5_000;
  }
  const said = log.entries.filter(({ event }) => event === 'instance-ended');
  expect(said).toMatchObject([
    { level: 'warn', instance: kms, reason: 'Client.InternalError: Client error on launch' },
    { instance: volumes, reason: 'Client.VolumeLimitExceeded: Volume limit exceeded' },
    { instance: spot, reason: 'Server.SpotInstanceTermination' },
  ]);
  expect(said).toHaveLength(3);
});
