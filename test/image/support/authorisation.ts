import type { RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import { account, region } from './deployed.ts';
import type { Request } from './iam.ts';

/** What a launch template says of the things that a launch is authorised for. */
export interface LaunchTemplateData {
  readonly ImageId: string;
  readonly IamInstanceProfile: { readonly Arn: string };
  readonly SecurityGroupIds: readonly string[];
  readonly InstanceType?: string;
  readonly BlockDeviceMappings: readonly { readonly Ebs: { readonly Encrypted: boolean } }[];
}

export interface Surroundings {
  readonly template: LaunchTemplateData;
  readonly vpc: string;
  /** The role in the instance profile of the template. */
  readonly role: string;
}

const here = `arn:aws:ec2:${region}:${account}`;

/**
 * Everything that IAM is asked before EC2 makes an instance: RunInstances on each resource that it uses or makes, CreateTags
 * on what is tagged, PassRole. What the request says goes before what the template says.
 */
export function authorisations(
  input: RunInstancesCommandInput,
  { template, vpc, role }: Surroundings,
): Request[] {
  const {
    LaunchTemplate: used,
    MetadataOptions,
    SubnetId = 'subnet-default',
    TagSpecifications = [],
  } = input;
  const profile = input.IamInstanceProfile?.Arn ?? template.IamInstanceProfile.Arn;
  const launch = {
    ...(used && { 'ec2:LaunchTemplate': `${here}:launch-template/${used.LaunchTemplateId}` }),
    'ec2:IsLaunchTemplateResource': 'true',
  };
  const network = { 'ec2:Vpc': `${here}:vpc/${vpc}`, 'ec2:Subnet': `${here}:subnet/${SubnetId}` };
  const tagged = TagSpecifications.map(({ ResourceType = '', Tags = [] }) => ({
    resource: `${here}:${ResourceType}/*`,
    context: {
      'aws:TagKeys': Tags.map(({ Key }) => Key!),
      ...Object.fromEntries(Tags.map(({ Key, Value }) => [`aws:RequestTag/${Key}`, Value!])),
    },
  }));
  const tagsOf = (resource: string) => tagged.find(each => each.resource === resource)?.context ?? {};
  const instance = {
    'ec2:InstanceType': input.InstanceType ?? template.InstanceType ?? 'm1.small',
    'ec2:InstanceProfile': profile,
    'ec2:InstanceMarketType': input.InstanceMarketOptions?.MarketType ?? 'on-demand',
    'ec2:MetadataHttpTokens': MetadataOptions?.HttpTokens ?? 'optional',
    'ec2:RootDeviceType': 'ebs',
  };
  const run = (resource: string, context: Request['context'] = {}): Request => ({
    action: 'ec2:RunInstances',
    resource,
    context: { ...launch, ...tagsOf(resource), ...context },
  });
  return [
    run(`${here}:instance/*`, instance),
    ...template.BlockDeviceMappings.map(({ Ebs }) =>
      run(`${here}:volume/*`, { 'ec2:Encrypted': String(Ebs.Encrypted), 'ec2:VolumeType': 'gp3' }),
    ),
    run(`${here}:network-interface/*`, network),
    run(`${here}:subnet/${SubnetId}`, network),
    ...(input.SecurityGroupIds ?? template.SecurityGroupIds).map(id =>
      run(`${here}:security-group/${id}`, network),
    ),
    run(`arn:aws:ec2:${region}::image/${input.ImageId ?? template.ImageId}`),
    ...(used ? [run(`${here}:launch-template/${used.LaunchTemplateId}`)] : []),
    ...(input.KeyName ? [run(`${here}:key-pair/${input.KeyName}`)] : []),
    ...tagged.map(({ resource, context }) => ({
      action: 'ec2:CreateTags',
      resource,
      context: { ...context, 'ec2:CreateAction': 'RunInstances' },
    })),
    {
      action: 'iam:PassRole',
      resource:
        profile === template.IamInstanceProfile.Arn ? role : profile.replace('instance-profile', 'role'),
      context: { 'iam:PassedToService': 'ec2.amazonaws.com' },
    },
  ];
}
