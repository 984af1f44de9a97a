import { decide } from '../core/scaling/decide.ts';
import { decideSeed } from '../core/scaling/seed.ts';
import type { ControllerKind } from './controller.ts';
import { always } from './controllers/always.ts';
import { clairvoyant } from './controllers/clairvoyant.ts';
import { keda } from './controllers/keda.ts';
import { law } from './controllers/law.ts';
import { seedAsWritten } from './controllers/seedAsWritten.ts';
import { seedRepaired } from './controllers/seedRepaired.ts';
import { targetTracking } from './controllers/targetTracking.ts';
import type { Setting } from './setting.ts';

interface Policy {
  readonly about: string;
  kind(setting: Setting): ControllerKind;
}

/** What can be simulated, by the name on the command line. */
export const policies = {
  clairvoyant: { about: 'knows the arrivals; a reference', kind: () => clairvoyant },
  'always-max': { about: 'the whole fleet, always; a reference', kind: ({ max }) => always(max) },
  'as-written': {
    about: 'the plain rule as a quick reading has it: visible messages, running instances',
    kind: () => seedAsWritten,
  },
  repaired: {
    about: 'the same, counting messages in flight and instances that boot',
    kind: () => seedRepaired,
  },
  'target-tracking': {
    about: 'EC2 Auto Scaling, target tracking on the backlog of an instance',
    kind: () => targetTracking,
  },
  keda: { about: "KEDA's aws-sqs-queue scaler with the default autoscaler behaviour", kind: () => keda },
  seed: { about: 'this controller with FACEREC_SCALING=seed', kind: () => law(decideSeed) },
  law: { about: 'this controller', kind: () => law(decide) },
  'law-auto': {
    about: 'this controller with FACEREC_MIN_RUNTIME_SECONDS=auto',
    kind: () => law(decide, { minRuntimeSeconds: 'auto' }),
  },
} as const satisfies Record<string, Policy>;

export type PolicyName = keyof typeof policies;
export const policyNames = Object.keys(policies) as PolicyName[];
