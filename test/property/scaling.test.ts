import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Decide, decide } from '../../src/core/scaling/decide.ts';
import type { Memory, Policy, Snapshot } from '../../src/core/scaling/types.ts';
import { law } from '../../src/simulate/controllers/law.ts';
import { usualSetting } from '../../src/simulate/setting.ts';
import { CloudModel } from './cloudModel.ts';
import { story, worlds } from './story.ts';

const seed = Number(process.env.PROPERTY_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`scaling properties: PROPERTY_SEED=${seed}`);

type World = typeof worlds extends fc.Arbitrary<infer T> ? T : never;

/** A world with its controllers; every decision goes through `watch`. */
function begin(world: World, watch: Decide) {
  const {
    controllers: count,
    min,
    more,
    launchBatch,
    messagesPerInstance,
    minRuntimeSeconds,
    service,
    boots,
  } = world;
  const policy = { ...usualSetting, min, max: min + more, launchBatch, messagesPerInstance };
  const setting = { ...policy, controllers: count };
  const plan = { setting, seed: 1, arrivals: { name: '', seconds: 0, times: [] } };
  const cloud = new CloudModel(service, boots);
  const controllers = Array.from({ length: count }, () => law(watch, { minRuntimeSeconds })(plan));
  return { cloud, controllers, policy };
}

/** What must hold of every single decision, whatever the view it was made from. */
const watchful: Decide = (snapshot, memory, policy, now) => {
  const decision = decide(snapshot, memory, policy, now);
  checkDrains(snapshot, decision.drain, policy);
  checkLaunches(snapshot, decision, policy);
  for (const id of decision.terminate) {
    const instance = snapshot.instances.find(each => each.id === id)!;
    const hangs = instance.state === 'draining' && instance.silentMs >= 600_000;
    const never = !instance.reported && now - instance.launchedAt >= 120_000;
    if (!hangs && !never) throw new Error(`I8: ${id} was ended, though nothing says that it is dead`);
  }
  if (
    decision.reasons.length === 0 &&
    decision.launch.length + decision.drain.length + decision.terminate.length > 0
  )
    throw new Error('a change without a reason');
  return decision;
};

function order(snapshot: Snapshot) {
  return snapshot.instances
    .filter(({ state }) => state !== 'draining')
    .sort((a, b) => a.launchedAt - b.launchedAt || (a.id < b.id ? -1 : 1));
}

function checkDrains(snapshot: Snapshot, drain: readonly string[], policy: Policy) {
  // Those that no heartbeat nor boot time speaks for any more are in no rank.
  const ranks = order(snapshot).filter(
    ({ id, reported, silentMs }) => drain.includes(id) || (reported && silentMs < 60_000),
  );
  const first = ranks.findIndex(({ id }) => drain.includes(id));
  if (first < 0) return;
  const firstOfAll = order(snapshot).findIndex(({ id }) => drain.includes(id));
  if (firstOfAll < policy.min)
    throw new Error(`I4: rank ${firstOfAll} was drained, the minimum is ${policy.min}`);
  if (ranks.slice(first).some(({ id }) => !drain.includes(id)))
    throw new Error('I5: the drained are no suffix of the order');
}

function checkLaunches(snapshot: Snapshot, { launch, desired, figures }: ReturnType<Decide>, policy: Policy) {
  if (launch.length > 0 && figures.live >= desired)
    throw new Error(`I6: ${figures.live} live, ${desired} desired, and a launch`);
  if (launch.length > Math.max(0, desired - figures.live))
    throw new Error('I6: more launches than are missing');
  // A view may show a dead instance beside its successor; then nothing is launched.
  if (launch.length > 0 && snapshot.instances.length + launch.length > policy.max)
    throw new Error('I1: slots for more than the maximum');
  if (launch.some(slot => snapshot.instances.some(each => each.slot === slot)))
    throw new Error('I1: a slot that is held');
  if (desired < policy.min || desired > policy.max) throw new Error('desired is out of its limits');
}

describe('whatever happens', () => {
  test('I1 to I6 and I8: max is kept, nobody busy is ended, nothing is lost', () => {
    fc.assert(
      fc.property(worlds, story, (world, events) => {
        const { cloud, controllers, policy } = begin(world, watchful);
        for (const event of events) {
          event.happen(cloud, controllers);
          if (cloud.mostAlive > policy.max)
            throw new Error(`I1: ${cloud.mostAlive} instances, at most ${policy.max} allowed`);
          if (cloud.busyKills > 0) throw new Error('I2: a busy worker was ended');
          if (cloud.visible + cloud.inHand + cloud.done !== cloud.arrived)
            throw new Error('I3: a message is lost');
        }
      }),
      { seed, numRuns: 10_000, includeErrorInReport: true },
    );
  }, 300_000);

  test('I3: once the trouble is over, every message is answered, and the fleet goes back to the minimum', () => {
    fc.assert(
      fc.property(worlds, story, (world, events) => {
        const { cloud, controllers, policy } = begin(world, watchful);
        for (const event of events) event.happen(cloud, controllers);
        Object.assign(cloud.troubles, {
          lostReplies: 0,
          noCapacity: 0,
          deadBoots: 0,
          describeLag: 3,
          countLag: 2,
        });
        const calm = () => cloud.done === cloud.arrived && cloud.alive.length === policy.min;
        for (let t = 0; t < 20_000 && !calm(); t += 5) {
          cloud.pass(5);
          controllers[0]!.tick(cloud);
        }
        expect({ unanswered: cloud.arrived - cloud.done, fleet: cloud.alive.length }).toEqual({
          unanswered: 0,
          fleet: policy.min,
        });
      }),
      { seed, numRuns: 500, includeErrorInReport: true },
    );
  }, 300_000);

  test('I7: the same view gives the same decision, and memory is plain data that can be lost', () => {
    fc.assert(
      fc.property(worlds, story, (world, events) => {
        const twice: Decide = (snapshot, memory, policy, now) => {
          const decision = decide(snapshot, memory, policy, now);
          const shuffled = { ...snapshot, instances: snapshot.instances.toReversed() };
          const again = decide(shuffled, structuredClone(memory) as Memory, policy, now);
          expect({ ...again, memory: undefined, terminate: again.terminate.toSorted() }).toEqual({
            ...decision,
            memory: undefined,
            terminate: decision.terminate.toSorted(),
          });
          return decision;
        };
        const { cloud, controllers } = begin(world, twice);
        for (const event of events) event.happen(cloud, controllers);
      }),
      { seed, numRuns: 500, includeErrorInReport: true },
    );
  }, 300_000);
});
