import { Faults } from './faults.ts';
import {
  type Ec2Instance,
  isForgotten,
  isLive,
  type State,
  stateAt,
  type Timing,
  tagsAt,
  timing,
} from './instance.ts';
import { Ec2Error } from './xml.ts';

/** Whatever an instance is to a test: a process, or nothing. */
export interface InstanceHandle {
  /** The instance is being ended from outside. */
  stop(): void;
}

export interface CloudOptions extends Partial<Timing> {
  readonly now?: () => number;
  /** Called for each new instance. */
  readonly onLaunch?: (instance: Ec2Instance, cloud: Cloud) => InstanceHandle | undefined;
  /** Zone of each subnet; where a subnet is not listed, each is a zone of its own. */
  readonly zones?: Readonly<Record<string, string>>;
  /** AMIs, profiles and templates that exist; default: all that are asked for. */
  readonly images?: readonly string[];
  readonly profiles?: readonly string[];
  readonly templates?: readonly { readonly id: string; readonly name: string }[];
  readonly subnets?: readonly string[];
  readonly securityGroups?: readonly string[];
}

/** What a client token was first used for. */
interface TokenUse {
  readonly signature: string;
  /** undefined: the request failed. EC2 holds a token to its parameters even so. */
  instance?: Ec2Instance;
}

/** Everything that the EC2 stand-in remembers: instances, tokens, capacity, faults, calls. */
export class Cloud {
  readonly options: CloudOptions;
  readonly timing: Timing;
  readonly now: () => number;
  readonly faults = new Faults();
  readonly instances = new Map<string, Ec2Instance>();
  /** How often each action was called. */
  readonly calls = new Map<string, number>();
  readonly #tokens = new Map<string, TokenUse>();
  readonly #handles = new Map<string, InstanceHandle>();
  /** How many more instances fit; key `<subnet>/<type>`, where either may be `*`. */
  readonly #capacity = new Map<string, number>();
  #serial = 0;

  constructor(options: CloudOptions = {}) {
    this.options = options;
    this.now = options.now ?? Date.now;
    this.timing = { ...timing, ...definedOnly(options) };
  }

  /** Limits how many instances may live at a time in a subnet, of a type; `*` stands for any, also for none named. */
  setCapacity(subnet: string, type: string, most: number): void {
    this.#capacity.set(`${subnet}/${type}`, most);
  }

  live(): Ec2Instance[] {
    const now = this.now();
    return [...this.instances.values()].filter(each => isLive(each, now, this.timing));
  }

  state(instance: Ec2Instance): State {
    return stateAt(instance, this.now(), this.timing);
  }

  /** As Describe sees it: late. undefined where it is not listed. */
  described(instance: Ec2Instance): { state: State; tags: Map<string, string> } | undefined {
    const now = this.now();
    if (now - instance.launchedAt < this.timing.newLagMs || isForgotten(instance, now, this.timing))
      return undefined;
    const then = Math.max(instance.launchedAt, now - this.timing.stateLagMs);
    return { state: stateAt(instance, then, this.timing), tags: tagsAt(instance, then) };
  }

  /** The instance itself: known at once, unlike what Describe lists. Throws as EC2 answers. */
  find(id: string): Ec2Instance {
    if (!/^i-[0-9a-f]{8,17}$/.test(id))
      throw new Ec2Error('InvalidInstanceID.Malformed', `Invalid id: "${id}"`);
    const instance = this.instances.get(id);
    if (instance === undefined || this.described(instance) === undefined)
      throw new Ec2Error('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
    return instance;
  }

  /** Runs a launch once per token and zone, as EC2 does: tokens of different zones are different tokens. */
  once(
    token: string | undefined,
    subnet: string | undefined,
    signature: string,
    launch: () => Ec2Instance,
  ): Ec2Instance {
    if (token === undefined) return launch();
    const zone = subnet === undefined ? 'region' : (this.options.zones?.[subnet] ?? subnet);
    const key = `${zone} ${token}`;
    const used = this.#tokens.get(key);
    if (used && !this.#isExpired(used)) {
      if (used.instance && this.state(used.instance) === 'terminated')
        throw new Ec2Error(
          'IdempotentInstanceTerminated',
          'The client token you have provided is associated with a terminated instance.',
        );
      if (used.signature !== signature)
        throw new Ec2Error(
          'IdempotentParameterMismatch',
          'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).',
        );
      if (used.instance) return used.instance;
    }
    const use: TokenUse = { signature };
    this.#tokens.set(key, use);
    use.instance = launch();
    return use.instance;
  }

  #isExpired({ instance }: TokenUse): boolean {
    if (instance?.endedAt === undefined) return false;
    return this.now() - instance.endedAt > this.timing.stopMs + this.timing.tokenMs;
  }

  /** Throws InsufficientInstanceCapacity, with HTTP status 500, where no more fits. */
  reserve(subnet: string | undefined, type: string): void {
    const live = this.live();
    for (const [key, most] of this.#capacity) {
      const [inSubnet, ofType] = key.split('/');
      const counts = (its: string | undefined, itsType: string) =>
        (inSubnet === '*' || inSubnet === its) && (ofType === '*' || ofType === itsType);
      if (counts(subnet, type) && live.filter(each => counts(each.subnet, each.type)).length >= most)
        throw new Ec2Error(
          'InsufficientInstanceCapacity',
          `We currently do not have sufficient ${type} capacity in the zone you requested`,
          500,
        );
    }
  }

  add(instance: Omit<Ec2Instance, 'id' | 'reservation' | 'launchedAt'>): Ec2Instance {
    const serial = (++this.#serial).toString(16).padStart(17, '0');
    const added = { ...instance, id: `i-${serial}`, reservation: `r-${serial}`, launchedAt: this.now() };
    this.instances.set(added.id, added);
    const handle = this.options.onLaunch?.(added, this);
    if (handle) this.#handles.set(added.id, handle);
    return added;
  }

  /** The machine goes down: its process has ended, somebody asked for it, or EC2 has a reason. */
  end(id: string, reason?: Ec2Instance['endReason']): void {
    const instance = this.instances.get(id);
    if (instance === undefined || instance.endedAt !== undefined) return;
    instance.endedAt = this.now();
    if (reason) instance.endReason = reason;
    this.#handles.get(id)?.stop();
  }

  endAll(): void {
    for (const id of this.instances.keys()) this.end(id);
  }
}

function definedOnly(options: CloudOptions): Partial<Timing> {
  const names = Object.keys(timing) as (keyof Timing)[];
  return Object.fromEntries(
    names.flatMap(name => (options[name] === undefined ? [] : [[name, options[name]]])),
  );
}
