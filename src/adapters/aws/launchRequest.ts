import type { RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import type { Placement } from './placements.ts';
import { launchTags } from './tags.ts';
import { clientToken, type LaunchMark } from './token.ts';
import { encodeUserData } from './userData.ts';

/** What is the same for all instances of a fleet. */
export interface LaunchSettings {
  /** The fleet's name: 1 to 64 letters, digits, `.`, `_` and `-`. */
  readonly fleet: string;
  /** Launch template by id (`lt-…`) or name; what is given below comes before what it says. */
  readonly template?: { readonly name: string; readonly version?: string };
  /** AMI; may be left out with a template. */
  readonly image?: string;
  readonly securityGroups?: readonly string[];
  /** Instance profile by name or ARN. */
  readonly instanceProfile?: string;
  /** SSH key pair. */
  readonly key?: string;
  /** As `userData` makes it, in plain text; left to the template when not given. */
  readonly userData?: string;
  /** How many hops an answer of the metadata service may make; 2 for workers in containers. */
  readonly hopLimit?: number;
}

/** Without a template to say otherwise. */
export const DEFAULT_TYPE = 't2.micro';

/** The request that launches a slot: a function of its arguments alone, so that a retry says exactly the same. */
export function launchRequest(
  settings: LaunchSettings,
  placement: Placement,
  slot: number,
  mark: LaunchMark,
): RunInstancesCommandInput {
  const { fleet, template, image, securityGroups, instanceProfile, key, userData, hopLimit = 1 } = settings;
  const token = clientToken(fleet, slot, mark);
  const tags = launchTags(fleet, slot, mark, token);
  const type = placement.type ?? (template === undefined ? DEFAULT_TYPE : undefined);
  return {
    MinCount: 1,
    MaxCount: 1,
    ClientToken: token,
    LaunchTemplate: template && {
      [template.name.startsWith('lt-') ? 'LaunchTemplateId' : 'LaunchTemplateName']: template.name,
      Version: template.version ?? '$Default',
    },
    ImageId: image,
    InstanceType: type as RunInstancesCommandInput['InstanceType'],
    SubnetId: placement.subnet,
    SecurityGroupIds: securityGroups && [...securityGroups],
    IamInstanceProfile: instanceProfile === undefined ? undefined : profile(instanceProfile),
    KeyName: key,
    UserData: userData === undefined ? undefined : encodeUserData(userData),
    InstanceInitiatedShutdownBehavior: 'terminate',
    MetadataOptions: {
      HttpEndpoint: 'enabled',
      HttpTokens: 'required',
      HttpPutResponseHopLimit: hopLimit,
      InstanceMetadataTags: 'enabled',
    },
    InstanceMarketOptions: placement.spot
      ? {
          MarketType: 'spot',
          SpotOptions: { SpotInstanceType: 'one-time', InstanceInterruptionBehavior: 'terminate' },
        }
      : undefined,
    TagSpecifications: [
      { ResourceType: 'instance', Tags: tags },
      { ResourceType: 'volume', Tags: tags },
    ],
  };
}

function profile(nameOrArn: string): { Arn: string } | { Name: string } {
  return nameOrArn.startsWith('arn:') ? { Arn: nameOrArn } : { Name: nameOrArn };
}
