import {
  CreateTagsCommand,
  DescribeInstancesCommand,
  type EC2Client,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { messageOf } from '../../core/errors.ts';
import { clockSkew, Ec2Clock } from './clock.ts';
import type { Probe, Remark } from './doctorVerdict.ts';
import { type AwsCall, explain } from './errors.ts';
import { type LaunchSettings, launchRequest } from './launchRequest.ts';
import type { Placement } from './placements.ts';
import { tagKeys } from './tags.ts';

export interface FleetToExamine {
  readonly client: EC2Client;
  readonly settings: LaunchSettings;
  readonly placements: readonly Placement[];
}

/** Well-formed, and no instance's. */
const nobody = 'i-00000000000000000';
/** No slot's epoch since 1970: should a dry run use up a client token, then none that a launch wants. */
const never = { epoch: 0, generation: 0 };
const granted = 'DryRunOperation';

/**
 * Dry runs. The first, of a call that only reads, shows whether this server knows what a dry run is; to one that does
 * not, nothing else is sent.
 */
export function fleetProbes(
  { client, settings, placements }: FleetToExamine,
  now: () => number = Date.now,
): Probe[] {
  const { fleet } = settings;
  const common = {
    service: 'EC2' as const,
    variable: 'FACEREC_FLEET',
    programs: ['controller'] as const,
  };
  const ofInstances = {
    ...common,
    resource: `instances of fleet ${fleet}`,
    passed: [granted, 'InvalidInstanceID.NotFound', 'InvalidInstanceId.NotFound'],
    denialDoubt: `A policy that allows it for instances with the tag ${tagKeys.fleet}=${fleet} only is fine, and says the same here, as no such instance is asked about.`,
  };
  return [
    {
      ...common,
      action: 'ec2:DescribeInstances',
      resource: 'instances',
      passed: [granted],
      ask: dryRun(() => client.send(new DescribeInstancesCommand({ DryRun: true }))),
    },
    {
      ...common,
      action: 'clock',
      resource: 'this machine’s clock and EC2’s',
      passed: [],
      ask: () => compareClocks(client, now),
    },
    {
      ...ofInstances,
      action: 'ec2:CreateTags',
      ask: dryRun(() =>
        client.send(
          new CreateTagsCommand({
            DryRun: true,
            Resources: [nobody],
            Tags: [{ Key: tagKeys.drain, Value: new Date(0).toISOString() }],
          }),
        ),
      ),
    },
    {
      ...ofInstances,
      action: 'ec2:TerminateInstances',
      ask: dryRun(() => client.send(new TerminateInstancesCommand({ DryRun: true, InstanceIds: [nobody] }))),
    },
    ...covering(placements).map(placement => ({
      ...common,
      action: 'ec2:RunInstances',
      resource: `fleet ${fleet}${described(placement)}`,
      variable: settings.template ? 'FACEREC_LAUNCH_TEMPLATE' : 'FACEREC_AMI',
      // Where there is no room now, there may be some later.
      passed: [granted, 'InsufficientInstanceCapacity', 'InsufficientFreeAddressesInSubnet'],
      ask: dryRun(() =>
        client.send(
          new RunInstancesCommand({
            ...launchRequest(settings, placement, 0, { ...never, placement: placements.indexOf(placement) }),
            DryRun: true,
          }),
        ),
      ),
      blame: (error: unknown) => blamed(error, settings, placement),
      denialHint:
        'It also needs iam:PassRole for the role of the instance profile (FACEREC_INSTANCE_PROFILE or the launch template’s), and ec2:CreateTags for the tags of new instances and volumes.',
    })),
  ];
}

/** Any answer tells EC2's time, a refusal too; rejects where there is none. */
async function compareClocks(client: EC2Client, now: () => number): Promise<readonly Remark[]> {
  const clock = new Ec2Clock(() => performance.now());
  try {
    await client.send(clock.listen(new DescribeInstancesCommand({ DryRun: true })));
  } catch (error) {
    if (clock.now() === undefined) throw error;
  }
  const time = clock.now();
  if (time === undefined)
    return [{ ok: false, advice: 'Its answers have no Date, and without EC2’s time nothing is launched.' }];
  const skew = clockSkew(now(), time);
  if (!skew) return [];
  const advice = `Synchronise it (NTP): ${skew.told}. Scaling goes by EC2’s; the times in the log are by this one.`;
  return [{ ok: false, advice }];
}

const ignored: Remark = {
  ok: false,
  uncertain: true,
  last: true,
  advice:
    'This server does not know DryRun (AWS_ENDPOINT_URL_EC2: it is not EC2), so that nothing more can be asked without doing it.',
};

/** A dry run ends in an error, even where it may be done; from a server that knows what that is. */
function dryRun(call: () => Promise<unknown>): Probe['ask'] {
  return async () => {
    await call();
    return [ignored];
  };
}

/** The placements that bring a subnet, a type or a market that none before them has. */
export function covering(placements: readonly Placement[]): Placement[] {
  const seen = new Set<string>();
  return placements.filter(({ subnet, type, spot = false }) => {
    const names = [`subnet ${subnet}`, `type ${type}`, `spot ${spot}`];
    const fresh = names.some(name => !seen.has(name));
    for (const name of names) seen.add(name);
    return fresh;
  });
}

function described({ subnet, type, spot }: Placement): string {
  return [subnet && ` in ${subnet}`, type && ` as ${type}`, spot && ' on the spot market']
    .filter(Boolean)
    .join('');
}

type Blamed = Required<Pick<AwsCall, 'resource' | 'variable'>>;

/** The setting that an error of RunInstances is about; what is not given here is the launch template's. */
function blamed(error: unknown, settings: LaunchSettings, placement: Placement): Blamed | undefined {
  const { template, image, securityGroups, instanceProfile, key } = settings;
  const code = error instanceof Error ? error.name : '';
  const message = messageOf(error);
  const inTemplate = { resource: `launch template ${template?.name}`, variable: 'FACEREC_LAUNCH_TEMPLATE' };
  const setting = (what: string, value: string | undefined, variable: string): Blamed =>
    value === undefined && template ? inTemplate : { resource: `${what} ${value ?? ''}`.trim(), variable };
  const profile = setting('instance profile', instanceProfile, 'FACEREC_INSTANCE_PROFILE');
  if (/iam:PassRole/.test(message)) return profile;
  if (/^InvalidLaunchTemplate/.test(code)) return inTemplate;
  if (/^InvalidAMI/.test(code) || (code === 'AuthFailure' && /\bami-|images?\b/i.test(message)))
    return setting('image', image, 'FACEREC_AMI');
  if (/^InvalidSubnet/.test(code)) return setting('subnet', placement.subnet, 'FACEREC_SUBNETS');
  if (/^Invalid(Group|SecurityGroup)/.test(code))
    return setting('security groups', securityGroups?.join(', '), 'FACEREC_SECURITY_GROUPS');
  if (/^InvalidKeyPair/.test(code)) return setting('key pair', key, 'FACEREC_KEY_NAME');
  if (/^(Instance|Vcpu)LimitExceeded|^MaxSpotInstanceCount/.test(code))
    return { resource: 'more instances', variable: 'FACEREC_MAX_INSTANCES or the quota of the account' };
  if (/iamInstanceProfile/i.test(message)) return profile;
  if (/^Unsupported|^InvalidInstanceType/.test(code) || /instance ?type/i.test(message))
    return explain(error, { service: 'EC2', action: '', resource: '' }).kind === 'access-denied'
      ? undefined
      : setting('instance type', placement.type, 'FACEREC_INSTANCE_TYPES');
  return undefined;
}
