import fc from 'fast-check';
import type { Controller } from '../../src/simulate/controller.ts';
import type { CloudModel } from './cloudModel.ts';

/** Something that happens in a story. Told in words when a property fails. */
export interface Event {
  happen(cloud: CloudModel, controllers: readonly Controller[]): void;
  toString(): string;
}

const event = (told: string, happen: Event['happen']): Event =>
  ({
    happen,
    toString: () => told,
    [fc.toStringMethod]: () => told,
  }) as Event;

const seconds = (most: number) => fc.integer({ min: 1, max: most });
const few = fc.integer({ min: 1, max: 4 });

const controllerTicks = fc.tuple(seconds(20), fc.nat(2), few).map(([wait, which, times]) =>
  event(`${wait} s pass, controller ${which} ticks ${times} times`, (cloud, controllers) => {
    cloud.pass(wait);
    for (let i = 0; i < times; i++) {
      cloud.pass(1);
      controllers[which % controllers.length]!.tick(cloud);
    }
  }),
);
const allTick = fc.tuple(seconds(40)).map(([times]) =>
  event(`all controllers tick ${times} times`, (cloud, controllers) => {
    for (let i = 0; i < times; i++) {
      cloud.pass(1);
      for (const controller of controllers) controller.tick(cloud);
    }
  }),
);
const longQuiet = fc
  .integer({ min: 60, max: 400 })
  .map(wait => event(`no controller is there for ${wait} s`, cloud => cloud.pass(wait)));
const arrivals = fc
  .oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 21, max: 600 }))
  .map(count => event(`${count} messages arrive`, cloud => cloud.arrive(count)));
const forgets = fc
  .nat(2)
  .map(which =>
    event(`controller ${which} forgets everything`, (_, controllers) =>
      controllers[which % controllers.length]!.forget(),
    ),
  );
const trouble = (name: 'lostReplies' | 'noCapacity' | 'deadBoots', told: string) =>
  few.map(count =>
    event(`the next ${count} launches ${told}`, cloud => {
      cloud.troubles[name] += count;
    }),
  );
const kill = fc
  .nat(20)
  .map(which => event(`the ${which}-th instance is killed from outside`, cloud => cloud.kill(which)));
const describeLag = fc.nat(20).map(lag =>
  event(`EC2 describes ${lag} s late`, cloud => {
    cloud.troubles.describeLag = lag;
  }),
);
const countLag = fc.nat(30).map(lag =>
  event(`the queue's counts are ${lag} s old`, cloud => {
    cloud.troubles.countLag = lag;
  }),
);

const telling = fc.constantFrom('all', 'half', 'nothing').map(told =>
  event(`the web servers tell ${told} of what they send`, cloud => {
    cloud.troubles.told = told;
  }),
);

const newCount = fc.constant(
  event('the web servers count anew', cloud => {
    cloud.troubles.basis++;
  }),
);

export const story = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: controllerTicks },
    { weight: 4, arbitrary: allTick },
    { weight: 3, arbitrary: arrivals },
    { weight: 1, arbitrary: longQuiet },
    { weight: 1, arbitrary: forgets },
    { weight: 1, arbitrary: trouble('lostReplies', 'happen, but their answers are lost') },
    { weight: 1, arbitrary: trouble('noCapacity', 'find no capacity') },
    { weight: 1, arbitrary: trouble('deadBoots', 'never boot') },
    { weight: 1, arbitrary: kill },
    { weight: 1, arbitrary: describeLag },
    { weight: 1, arbitrary: countLag },
    { weight: 1, arbitrary: telling },
    { weight: 1, arbitrary: newCount },
  ),
  { minLength: 1, maxLength: 24 },
);

/** How a world is made; small fleets, so that limits are met. */
export const worlds = fc.record({
  controllers: fc.integer({ min: 1, max: 3 }),
  min: fc.nat(3),
  more: fc.integer({ min: 1, max: 6 }),
  launchBatch: fc.integer({ min: 1, max: 5 }),
  messagesPerInstance: fc.integer({ min: 1, max: 10 }),
  minRuntimeSeconds: fc.constantFrom<number | 'auto'>('auto', 60, 300),
  service: fc.integer({ min: 1, max: 5 }),
  boots: fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 5 }),
});
