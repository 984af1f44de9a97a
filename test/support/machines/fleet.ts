import type { Cloud, InstanceHandle } from '../ec2/cloud.ts';
import { type ImdsServer, type ImdsServerOptions, startImds } from '../ec2/imds.ts';
import { type Ec2Instance, tagsAt } from '../ec2/instance.ts';
import type { Running } from '../system.ts';

/** Where instances find their metadata service. */
const METADATA = { hostname: '169.254.169.254', port: 80 };

/** An instance of the EC2 stand-in that is a whole machine. */
export interface Launched<Machine extends Running> {
  readonly instance: Ec2Instance;
  readonly imds: ImdsServer;
  readonly machine: Machine;
  /** performance.now() when it was switched on. */
  readonly startedAt: number;
}

/**
 * For `onLaunch`: boots a machine for each instance, which finds its metadata service where EC2's is; so one at a time.
 * Powered off, it ends as an instance whose shutdown behaviour is `terminate`.
 */
export class Machines<Machine extends Running> {
  readonly #boot: (instance: Ec2Instance) => Promise<Machine>;
  readonly #imds: Partial<ImdsServerOptions>;
  #next = Promise.withResolvers<Launched<Machine>>();

  constructor(boot: (instance: Ec2Instance) => Promise<Machine>, imds: Partial<ImdsServerOptions> = {}) {
    this.#boot = boot;
    this.#imds = imds;
  }

  /** The machine that is launched next, or was since this was last asked for. */
  async launched(): Promise<Launched<Machine>> {
    const launched = await this.#next.promise;
    this.#next = Promise.withResolvers();
    return launched;
  }

  readonly launch = (instance: Ec2Instance, cloud: Cloud): InstanceHandle => {
    const imds = startImds({
      instanceId: instance.id,
      userData: instance.userData,
      tags: () => tagsAt(instance, cloud.now()),
      now: cloud.now,
      address: METADATA,
      ...this.#imds,
    });
    const startedAt = performance.now();
    const booted = this.#boot(instance);
    booted.then(machine => this.#next.resolve({ instance, imds, machine, startedAt }), this.#next.reject);
    void booted
      .then(machine => machine.child.exited)
      .catch(() => undefined)
      .then(() => imds.close())
      .then(() => cloud.end(instance.id));
    return { stop: () => void booted.then(machine => machine.end()) };
  };
}
