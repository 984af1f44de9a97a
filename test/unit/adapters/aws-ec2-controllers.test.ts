import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Ec2Fleet } from '../../../src/adapters/aws/fleet.ts';
import { type Placement, placements } from '../../../src/adapters/aws/placements.ts';
import { epochRule } from '../../../src/adapters/aws/token.ts';
import type { Cloud } from '../../support/ec2/cloud.ts';
import { noon, testClient, testFleet } from '../../support/ec2/fleet.ts';
import { startEc2 } from '../../support/ec2/server.ts';

const MAX = 3;

const faults = ['lost-reply', 'lost-request', 'internal', 'throttle', 'no-capacity', 'no-capacity'] as const;

/** One thing that happens to the fleet. `who` is a controller, 0 to 2. */
type Event =
  | { readonly kind: 'launch'; readonly who: number; readonly slots: readonly number[] }
  | { readonly kind: 'launch-together'; readonly slots: readonly number[] }
  | { readonly kind: 'fault'; readonly fault: (typeof faults)[number] }
  | { readonly kind: 'die'; readonly nth: number }
  | { readonly kind: 'drain'; readonly who: number; readonly nth: number }
  | { readonly kind: 'restart'; readonly who: number }
  | { readonly kind: 'capacity'; readonly subnet: string; readonly most: number }
  | { readonly kind: 'wait'; readonly seconds: number };

const who = fc.nat({ max: 2 });
const slots = fc.uniqueArray(fc.nat({ max: MAX - 1 }), { minLength: 1 });
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('launch' as const), who, slots }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('launch-together' as const), slots }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      fault: fc.constantFrom(...faults),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('die' as const), nth: fc.nat({ max: MAX }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('drain' as const), who, nth: fc.nat({ max: MAX }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const), who }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('capacity' as const),
      subnet: fc.constantFrom('subnet-a', 'subnet-b'),
      most: fc.constantFrom(0, 1, MAX),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      // Seconds, minutes, the time after which EC2 forgets an instance, and half an epoch.
      seconds: fc.constantFrom(1, 1, 2, 2, 5, 5, 11, 30, 61, 130, 600, 3_600, 21_600),
    }),
  },
);

interface World {
  readonly placements: readonly Placement[];
  /** Whether the controllers have a lease; the first that asks holds it until it restarts. */
  readonly lease: boolean;
  readonly newLagSeconds: number;
  readonly stateLagSeconds: number;
  readonly events: readonly Event[];
}

const several = placements({ subnets: ['subnet-a', 'subnet-b'] });
const world: fc.Arbitrary<World> = fc.record({
  placements: fc.constantFrom([{}], several),
  lease: fc.boolean(),
  newLagSeconds: fc.constantFrom(0, 3, 25, 40),
  stateLagSeconds: fc.constantFrom(0, 3, 25, 40),
  events: fc.array(event, { minLength: 5, maxLength: 80, size: 'max' }),
});

function requireInvariants(cloud: Cloud): void {
  const slots = cloud.live().map(({ tags }) => tags.get('facerec-slot')?.value);
  if (slots.length > MAX) throw new Error(`${slots.length} live instances of at most ${MAX}`);
  if (new Set(slots).size !== slots.length) throw new Error(`two live holders of a slot: ${slots}`);
}

/** Plays the events; rejects when the fleet is ever too large or a slot held twice. Resolves to how many were launched. */
async function play({ placements, lease, newLagSeconds, stateLagSeconds, events }: World): Promise<number> {
  let time = noon;
  const ec2 = await startEc2({
    now: () => time,
    bootMs: 8_000,
    stopMs: 8_000,
    newLagMs: newLagSeconds * 1_000,
    stateLagMs: stateLagSeconds * 1_000,
  });
  const client = testClient(ec2.url);
  let leader: { readonly who: number; readonly since: number } = { who: 0, since: noon - 60_000 };
  const start = (who: number): Ec2Fleet =>
    testFleet({
      client,
      placements,
      now: () => time,
      ...(lease && { lease: { heldSince: () => (leader.who === who ? leader.since : undefined) } }),
    });
  const controllers = [0, 1, 2].map(start);
  const nth = (index: number) => ec2.cloud.live()[index]?.id;
  // A controller whose view has failed says so, and does nothing.
  const launch = (who: number, slots: readonly number[]) => controllers[who]!.launch(slots).catch(() => {});

  const happen = async (event: Event): Promise<void> => {
    switch (event.kind) {
      case 'launch':
        return launch(event.who, event.slots);
      case 'launch-together':
        await Promise.all(controllers.map((_, who) => launch(who, event.slots)));
        return;
      case 'fault':
        if (event.fault === 'no-capacity')
          ec2.cloud.faults.next('RunInstances', {
            kind: 'error',
            code: 'InsufficientInstanceCapacity',
            status: 500,
          });
        else if (event.fault === 'internal')
          ec2.cloud.faults.next('RunInstances', { kind: 'error', code: 'InternalError', status: 500 });
        else if (event.fault === 'throttle')
          ec2.cloud.faults.next('RunInstances', { kind: 'error', code: 'RequestLimitExceeded' });
        else ec2.cloud.faults.next('RunInstances', { kind: event.fault });
        return;
      case 'die': {
        const id = nth(event.nth);
        if (id !== undefined) ec2.cloud.end(id);
        return;
      }
      case 'drain': {
        const id = nth(event.nth);
        if (id !== undefined) await controllers[event.who]!.drain([id]);
        return;
      }
      case 'restart':
        controllers[event.who] = start(event.who);
        if (leader.who === event.who) leader = { who: (event.who + 1) % 3, since: time };
        return;
      case 'capacity':
        ec2.cloud.setCapacity(event.subnet, '*', event.most);
        return;
      case 'wait':
        time += event.seconds * 1_000;
    }
  };

  try {
    for (const event of events) {
      await happen(event);
      requireInvariants(ec2.cloud);
    }
    return ec2.cloud.instances.size;
  } finally {
    client.destroy();
    await ec2.close();
  }
}

test('no faults, lags, deaths or number of controllers fill a slot twice or the fleet beyond its maximum', async () => {
  let launched = 0;
  await fc.assert(
    fc.asyncProperty(world, async world => {
      launched += await play(world);
    }),
    { numRuns: Number(process.env.EC2_PROPERTY_RUNS ?? 150) },
  );
  // It would also hold for a fleet that launches nothing.
  expect(launched).toBeGreaterThan(150);
}, 120_000);

test('the turn of an epoch is no gap: three controllers, one slot, every second around it', async () => {
  const turn = epochRule.periodMs * 41_001;
  const before: Event[] = [{ kind: 'wait', seconds: (turn - noon) / 1_000 - 75 }];
  const around = Array.from({ length: 150 }, (_, second): Event[] => [
    { kind: 'launch', who: second % 3, slots: [0] },
    ...(second % 40 === 39 ? ([{ kind: 'die', nth: 0 }] as const) : []),
    ...(second % 5 === 0 ? ([{ kind: 'restart', who: (second / 5) % 3 }] as const) : []),
    { kind: 'wait', seconds: 1 },
  ]).flat();
  const settings = { placements: [{}], lease: false, newLagSeconds: 40, stateLagSeconds: 3 };
  expect(await play({ ...settings, events: [...before, ...around] })).toBeGreaterThan(1);
});
