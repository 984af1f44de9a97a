import type { Cloud } from './cloud.ts';
import { type Ec2Instance, type State, tagsAt } from './instance.ts';
import { matches, type Query } from './query.ts';
import { Ec2Error, type Xml } from './xml.ts';

const stateCodes: Readonly<Record<State, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
};
const MOST_USER_DATA_BYTES = 16_384;

/** The actions that the stand-in knows. Each answers with the body of its reply or throws an Ec2Error. */
export const actions: Readonly<Record<string, (query: Query, cloud: Cloud) => Xml>> = {
  RunInstances(query, cloud) {
    if (query.get('MinCount') !== '1' || query.get('MaxCount') !== '1')
      throw new Ec2Error('InvalidParameterValue', 'this stand-in launches one instance at a time');
    const launch = checkedLaunch(query, cloud);
    const instance = cloud.once(query.get('ClientToken'), launch.subnet, query.signature, () => {
      cloud.reserve(launch.subnet, launch.type);
      return cloud.add(launch);
    });
    const now = { state: cloud.state(instance), tags: tagsAt(instance, cloud.now()) };
    return { ...reservation(instance, [describe(instance, now)]) };
  },

  DescribeInstances(query, cloud) {
    const ids = query.list('InstanceId');
    const chosen = ids.length > 0 ? ids.map(id => cloud.find(id)) : [...cloud.instances.values()];
    const listed = chosen.flatMap(instance => {
      const seen = cloud.described(instance);
      return seen && query.filters().every(filter => passes(filter, instance, seen))
        ? [{ instance, seen }]
        : [];
    });
    const { page, nextToken } = paged(query, listed);
    const byReservation = Map.groupBy(page, ({ instance }) => instance.reservation);
    return {
      reservationSet: [...byReservation.values()].map(group =>
        reservation(
          group[0]!.instance,
          group.map(({ instance, seen }) => describe(instance, seen)),
        ),
      ),
      nextToken,
    };
  },

  TerminateInstances(query, cloud) {
    const instances = query.list('InstanceId').map(id => cloud.find(id));
    return {
      instancesSet: instances.map(instance => {
        const previousState = stateXml(cloud.state(instance));
        cloud.end(instance.id);
        return { instanceId: instance.id, currentState: stateXml(cloud.state(instance)), previousState };
      }),
    };
  },

  CreateTags(query, cloud) {
    const instances = query.list('ResourceId').map(id => cloud.find(id));
    for (const instance of instances)
      for (const [key, value] of query.tags('Tag')) {
        if (instance.tagsInMetadata) requireMetadataKey(key);
        instance.tags.set(key, { value, at: cloud.now() });
      }
    return { return: true };
  },

  DescribeImages(query, cloud) {
    const ids = existing(query.list('ImageId'), cloud.options.images, 'InvalidAMIID.NotFound', 'image id');
    return { imagesSet: ids.map(id => ({ imageId: id, imageState: 'available', name: id })) };
  },

  DescribeSubnets(query, cloud) {
    const { subnets, zones } = cloud.options;
    const ids = existing(query.list('SubnetId'), subnets, 'InvalidSubnetID.NotFound', 'subnet ID');
    return {
      subnetSet: ids.map(id => ({
        subnetId: id,
        state: 'available',
        availabilityZone: zones?.[id] ?? id,
        availableIpAddressCount: 250,
      })),
    };
  },

  DescribeSecurityGroups(query, cloud) {
    const ids = existing(
      query.list('GroupId'),
      cloud.options.securityGroups,
      'InvalidGroup.NotFound',
      'security group',
    );
    return { securityGroupInfo: ids.map(id => ({ groupId: id, groupName: id })) };
  },

  DescribeLaunchTemplates(query, cloud) {
    const asked = [...query.list('LaunchTemplateId'), ...query.list('LaunchTemplateName')];
    const templates = cloud.options.templates ?? [];
    const found = asked.length === 0 ? templates : asked.map(name => template(name, cloud));
    return {
      launchTemplates: found.map(({ id, name }) => ({
        launchTemplateId: id,
        launchTemplateName: name,
        defaultVersionNumber: 1,
        latestVersionNumber: 1,
      })),
    };
  },
};

type Launch = Parameters<Cloud['add']>[0];

function checkedLaunch(query: Query, cloud: Cloud): Launch {
  const { images, profiles } = cloud.options;
  const templateName =
    query.get('LaunchTemplate.LaunchTemplateId') ?? query.get('LaunchTemplate.LaunchTemplateName');
  if (templateName !== undefined) template(templateName, cloud);
  const image = query.get('ImageId') ?? (templateName === undefined ? undefined : 'ami-of-the-template');
  if (image === undefined)
    throw new Ec2Error('MissingParameter', 'The request must contain the parameter ImageId');
  if (query.get('ImageId') !== undefined) existing([image], images, 'InvalidAMIID.NotFound', 'image id');
  const profile =
    query.get('IamInstanceProfile.Arn')?.split('/').at(-1) ?? query.get('IamInstanceProfile.Name');
  if (profile !== undefined && profiles && !profiles.includes(profile))
    throw new Ec2Error(
      'InvalidParameterValue',
      `Value (${profile}) for parameter iamInstanceProfile.name is invalid.`,
    );
  const encoded = query.get('UserData') ?? '';
  const userData = Buffer.from(encoded, 'base64');
  if (userData.toString('base64') !== encoded)
    throw new Ec2Error('InvalidUserData.Malformed', 'Invalid BASE64 encoding of user data');
  if (userData.length > MOST_USER_DATA_BYTES)
    throw new Ec2Error('InvalidParameterValue', 'User data is limited to 16384 bytes');
  const tagsInMetadata = query.get('MetadataOptions.InstanceMetadataTags') === 'enabled';
  const tags = query
    .structures('TagSpecification')
    .filter(name => query.get(`${name}.ResourceType`) === 'instance')
    .flatMap(name => query.tags(`${name}.Tag`));
  if (tagsInMetadata) for (const [key] of tags) requireMetadataKey(key);
  const at = cloud.now();
  return {
    token: query.get('ClientToken') ?? '',
    image,
    type: query.get('InstanceType') ?? 't2.micro',
    subnet: query.get('SubnetId'),
    profile,
    spot: query.get('InstanceMarketOptions.MarketType') === 'spot',
    httpTokens: query.get('MetadataOptions.HttpTokens') ?? 'optional',
    tagsInMetadata,
    shutdownBehaviour: query.get('InstanceInitiatedShutdownBehavior') ?? 'stop',
    userData: userData.toString(),
    tags: new Map(tags.map(([key, value]) => [key, { value, at }])),
  };
}

/** EC2 refuses keys that could not be a path of the metadata service. */
function requireMetadataKey(key: string): void {
  if (!/^[\w+\-=.,:@]+$/.test(key) || ['.', '..', '_index'].includes(key))
    throw new Ec2Error('InvalidParameterValue', `'${key}' is not a valid tag key for instance metadata`);
}

function template(idOrName: string, cloud: Cloud): { readonly id: string; readonly name: string } {
  const { templates } = cloud.options;
  const found = templates?.find(({ id, name }) => id === idOrName || name === idOrName);
  if (templates === undefined) return { id: idOrName, name: idOrName };
  if (found) return found;
  throw new Ec2Error('InvalidLaunchTemplateName.NotFoundException', `no launch template ${idOrName}`);
}

/** All that exist when none is asked for by name. */
function existing(
  asked: readonly string[],
  known: readonly string[] | undefined,
  code: string,
  what: string,
): readonly string[] {
  const missing = known && asked.find(id => !known.includes(id));
  if (missing !== undefined) throw new Ec2Error(code, `The ${what} '[${missing}]' does not exist`);
  return asked.length > 0 ? asked : (known ?? []);
}

function paged<T>(query: Query, all: readonly T[]): { page: readonly T[]; nextToken: string | undefined } {
  const from = Number(query.get('NextToken') ?? 0);
  const to = from + Number(query.get('MaxResults') ?? 1000);
  return { page: all.slice(from, to), nextToken: to < all.length ? String(to) : undefined };
}

interface Described {
  readonly state: State;
  readonly tags: ReadonlyMap<string, string>;
}

function passes(
  { name, values }: { readonly name: string; readonly values: readonly string[] },
  instance: Ec2Instance,
  { state, tags }: Described,
): boolean {
  const any = (text: string | undefined) =>
    text !== undefined && values.some(pattern => matches(pattern, text));
  if (name.startsWith('tag:')) return any(tags.get(name.slice('tag:'.length)));
  switch (name) {
    case 'tag-key':
      return [...tags.keys()].some(any);
    case 'instance-state-name':
      return any(state);
    case 'instance-id':
      return any(instance.id);
    case 'client-token':
      return any(instance.token);
    default:
      throw new Ec2Error('InvalidParameterValue', `The filter '${name}' is invalid`);
  }
}

function stateXml(state: State): Xml {
  return { code: stateCodes[state], name: state };
}

function reservation(instance: Ec2Instance, items: readonly Xml[]): Record<string, Xml> {
  return { reservationId: instance.reservation, ownerId: '000000000000', instancesSet: items };
}

function describe(instance: Ec2Instance, { state, tags }: Described): Xml {
  return {
    instanceId: instance.id,
    imageId: instance.image,
    instanceState: stateXml(state),
    stateReason: instance.endReason && { ...instance.endReason },
    instanceType: instance.type,
    launchTime: new Date(instance.launchedAt).toISOString(),
    clientToken: instance.token,
    subnetId: instance.subnet,
    instanceLifecycle: instance.spot ? 'spot' : undefined,
    metadataOptions: { state: 'applied', httpTokens: instance.httpTokens },
    tagSet: [...tags].map(([key, value]) => ({ key, value })),
  };
}
