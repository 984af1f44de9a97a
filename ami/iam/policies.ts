import {
  type Conditions,
  type Permission,
  permissions,
  type Target,
} from '../../src/adapters/aws/permissions.ts';
import type { Program } from '../../src/variables.ts';

/** An IAM policy; `${…}` in it are names of the stack, as in `Fn::Sub`. */
export interface Policy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

export interface Statement {
  readonly Effect: 'Allow';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Conditions;
}

const queues = { requests: 'RequestQueue', responses: 'ResponseQueue', deadLetters: 'DeadLetterQueue' };
const buckets = { input: 'InputBucket', output: 'OutputBucket', gallery: 'GalleryBucket' };
const here = `arn:${name('AWS::Partition')}:ec2:${name('AWS::Region')}`;
const ofAccount = (resource: string) => `${here}:${name('AWS::AccountId')}:${resource}`;
const template = ofAccount(`launch-template/${name('WorkerTemplate')}`);

/** What a resource type of EC2 comes down to in the stack. undefined: nothing, as the stack does not use it. */
const narrower: Readonly<Record<string, string | undefined>> = {
  'image/*': `${here}::image/${name('ImageId')}`,
  'security-group/*': ofAccount(`security-group/${name('WorkerSecurityGroup.GroupId')}`),
  'launch-template/*': template,
  'key-pair/*': undefined,
};

/** Conditions of RunInstances on top of those of the table, and of the launch template for all that can be asked for it. */
const launch: Readonly<Record<string, Conditions>> = {
  'instance/*': {
    ArnEquals: { 'ec2:InstanceProfile': name('WorkerProfile.Arn') },
    StringEquals: { 'ec2:InstanceType': name('WorkerInstanceTypes'), 'ec2:MetadataHttpTokens': 'required' },
  },
  'volume/*': { Bool: { 'ec2:Encrypted': 'true' } },
  'subnet/*': { ArnEquals: { 'ec2:Vpc': ofAccount(`vpc/${name('Network')}`) } },
};
const fromTemplate: Conditions = { ArnEquals: { 'ec2:LaunchTemplate': template } };
const forFleet: Conditions = { StringEquals: { 'aws:RequestTag/facerec-fleet': '{fleet}' } };
const drainOnly: Conditions = { Null: { 'aws:TagKeys': 'false' } };

/** The table of permissions as a policy, narrowed down to the resources of the stack. */
export function policyOf(program: Program): Policy {
  const grants = permissions.filter(each => each.program === program).flatMap(grantsOf);
  const byResource = Map.groupBy(grants, ({ resource, condition }) => JSON.stringify([resource, condition]));
  const groups = [...byResource.values()].map(same => ({
    actions: [...new Set(same.map(({ action }) => action))].sort(),
    resource: same[0]!.resource,
    condition: same[0]!.condition,
  }));
  const byActions = Map.groupBy(groups, ({ actions, condition }) => JSON.stringify([actions, condition]));
  return {
    Version: '2012-10-17',
    Statement: [...byActions.values()].map(same => ({
      Effect: 'Allow',
      Action: oneOrMore(same[0]!.actions),
      Resource: oneOrMore(same.map(({ resource }) => resource).sort()),
      ...(same[0]!.condition && { Condition: same[0]!.condition }),
    })),
  };
}

interface Grant {
  readonly action: string;
  readonly resource: string;
  readonly condition: Conditions | undefined;
}

function grantsOf({ action, target, conditions = {} }: Permission): Grant[] {
  if (!('ec2' in target))
    return [{ action, resource: resourceOf(target), condition: conditionOf([conditions]) }];
  return target.ec2.flatMap(type => {
    const resource = type in narrower ? narrower[type] : ofAccount(type);
    if (resource === undefined) return [];
    const more = action === 'ec2:RunInstances' ? [launch[type] ?? {}] : [];
    if (action === 'ec2:RunInstances' && type !== 'spot-instances-request/*') more.push(fromTemplate);
    if ('ec2:CreateAction' in (conditions.StringEquals ?? {})) more.push(forFleet);
    if ('ForAllValues:StringEquals' in conditions) more.push(drainOnly);
    return [
      { action, resource: type === '*' ? '*' : resource, condition: conditionOf([conditions, ...more]) },
    ];
  });
}

function resourceOf(target: Exclude<Target, { ec2: readonly string[] }>): string {
  if ('queue' in target) return name(`${queues[target.queue]}.Arn`);
  if ('role' in target) return name('WorkerRole.Arn');
  const bucket = name(`${buckets[target.bucket]}.Arn`);
  return 'keys' in target ? `${bucket}/${inStack(target.keys)}` : bucket;
}

/** All of them together; undefined when there is none. */
function conditionOf(all: readonly Conditions[]): Conditions | undefined {
  const merged: Record<string, Record<string, string | readonly string[]>> = {};
  for (const [operator, keys] of all.flatMap(each => Object.entries(each)))
    for (const [key, value] of Object.entries(keys))
      merged[operator] = {
        ...merged[operator],
        [key]: typeof value === 'string' ? inStack(value) : oneOrMore(value.map(inStack)),
      };
  return Object.keys(merged).length > 0 ? merged : undefined;
}

function inStack(text: string): string {
  return text.replaceAll('{fleet}', name('AWS::StackName'));
}

function oneOrMore(values: readonly string[]): string | readonly string[] {
  return values.length === 1 ? values[0]! : values;
}

function name(inTheStack: string): string {
  return `\${${inTheStack}}`;
}
