import { DescribeInstancesCommand, type EC2Client, type Instance as Ec2Instance } from '@aws-sdk/client-ec2';
import type { Ec2Clock } from './clock.ts';
import type { SeenInstance } from './slots.ts';
import { namePrefix, slotOf, tagKeys, tagMap } from './tags.ts';
import { parseMark } from './token.ts';

/**
 * All instances of a fleet that EC2 lists, those that ended within the last hour included. Its answers set the clock.
 * Rejects as the SDK does.
 */
export async function describeFleet(
  client: EC2Client,
  fleet: string,
  pageSize: number,
  clock: Ec2Clock,
): Promise<SeenInstance[]> {
  const seen: SeenInstance[] = [];
  let next: string | undefined;
  do {
    const command = new DescribeInstancesCommand({
      Filters: [
        { Name: 'tag:Name', Values: [`${namePrefix}*`] },
        { Name: `tag:${tagKeys.fleet}`, Values: [fleet] },
      ],
      MaxResults: pageSize,
      NextToken: next,
    });
    const { Reservations = [], NextToken } = await client.send(clock.listen(command));
    for (const { Instances = [] } of Reservations)
      seen.push(...Instances.flatMap(instance => seenInstance(instance) ?? []));
    next = NextToken;
  } while (next);
  return seen;
}

/** undefined for what has no id, no slot or no time of launch: no instance of ours. */
export function seenInstance(instance: Ec2Instance): SeenInstance | undefined {
  const tags = tagMap(instance.Tags);
  const slot = slotOf(tags);
  const { InstanceId: id, LaunchTime: launchTime } = instance;
  if (id === undefined || slot === undefined || launchTime === undefined) return undefined;
  const drained = tags.has(tagKeys.drain);
  const { Code: code = '', Message: message } = instance.StateReason ?? {};
  return {
    id,
    slot,
    launchedAt: launchTime.getTime(),
    state: stateOf(instance.State?.Name, drained),
    mark: parseMark(tags.get(tagKeys.launch)),
    ...(isTrouble(code) && { trouble: message || code }),
  };
}

/**
 * Neither the worker's own end nor anybody's wish.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html
 */
function isTrouble(code: string): boolean {
  return /^(Server\.|Client\.(InternalError|VolumeLimitExceeded|InvalidSnapshot))/.test(code);
}

function stateOf(name: string | undefined, drained: boolean): SeenInstance['state'] {
  switch (name) {
    case 'terminated':
      return 'terminated';
    case 'shutting-down':
    case 'stopping':
    case 'stopped':
      return 'draining';
    case 'running':
      return drained ? 'draining' : 'running';
    default:
      // Also what is new to this program: unknown is not dead.
      return drained ? 'draining' : 'pending';
  }
}
