import { type EC2Client, type Instance as Ec2Instance, paginateDescribeInstances } from '@aws-sdk/client-ec2';
import type { SeenInstance } from './slots.ts';
import { namePrefix, slotOf, tagKeys, tagMap } from './tags.ts';
import { parseMark } from './token.ts';

/** All instances of a fleet that EC2 lists, those that ended within the last hour included. Rejects as the SDK does. */
export async function describeFleet(
  client: EC2Client,
  fleet: string,
  pageSize: number,
): Promise<SeenInstance[]> {
  const pages = paginateDescribeInstances(
    { client, pageSize },
    {
      Filters: [
        { Name: 'tag:Name', Values: [`${namePrefix}*`] },
        { Name: `tag:${tagKeys.fleet}`, Values: [fleet] },
      ],
    },
  );
  const seen: SeenInstance[] = [];
  for await (const page of pages)
    for (const { Instances = [] } of page.Reservations ?? [])
      seen.push(...Instances.flatMap(instance => seenInstance(instance) ?? []));
  return seen;
}

/** undefined for what has no id, no slot or no time of launch: no instance of ours. */
export function seenInstance(instance: Ec2Instance): SeenInstance | undefined {
  const tags = tagMap(instance.Tags);
  const slot = slotOf(tags);
  const { InstanceId: id, LaunchTime: launchTime } = instance;
  if (id === undefined || slot === undefined || launchTime === undefined) return undefined;
  const drained = tags.has(tagKeys.drain);
  return {
    id,
    slot,
    launchedAt: launchTime.getTime(),
    state: stateOf(instance.State?.Name, drained),
    mark: parseMark(tags.get(tagKeys.launch)),
  };
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
