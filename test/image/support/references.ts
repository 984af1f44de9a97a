import { publishedResource } from './specification.ts';
import { callOf, namesIn, type Template, type Value } from './template.ts';

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/pseudo-parameter-reference.html */
const pseudo = [
  'AccountId',
  'NoValue',
  'NotificationARNs',
  'Partition',
  'Region',
  'StackId',
  'StackName',
  'URLSuffix',
];

/** One use of a name in the template, and the conditions that hold where it stands. */
interface Use {
  readonly path: string;
  readonly kind: 'Ref' | 'GetAtt' | 'Condition' | 'DependsOn';
  readonly name: string;
  readonly attribute?: string;
  /** `Https`, or `!Https` for the other branch. */
  readonly given: readonly string[];
}

/**
 * Names that mean nothing (in Ref, GetAtt, Sub, Condition, DependsOn), attributes that a resource does not have, resources
 * that are not there in every case in which they are spoken of, circles, and parameters and conditions without a use.
 */
export function referenceFaults(template: Template): string[] {
  const uses = usesOf(template);
  const used = new Set(uses.map(({ name }) => name));
  return [
    ...uses.flatMap(use => faultOf(use, template) ?? []),
    ...Object.keys({ ...template.Parameters, ...template.Conditions })
      .filter(name => !used.has(name))
      .map(name => `${name}: never used`),
    ...circles(needsOf(template)),
  ];
}

/** What each resource speaks of: made before it, and deleted after it. */
export function needsOf(template: Template): Map<string, Set<string>> {
  const { Resources } = template;
  const needs = new Map(Object.keys(Resources).map(name => [name, new Set<string>()]));
  for (const { path, name } of usesOf(template))
    if (name in Resources) needs.get(path.split('.')[0]!)?.add(name);
  return needs;
}

function usesOf({ Conditions, Resources, Outputs }: Template): Use[] {
  return [
    ...Object.entries(Conditions).flatMap(([name, value]) => usesIn(value, `Conditions.${name}`, [])),
    ...[...Object.entries(Resources), ...Object.entries(Outputs)].flatMap(([name, each]) => {
      const { Condition, DependsOn = [] } = each as { Condition?: string; DependsOn?: string | string[] };
      const given = Condition === undefined ? [] : [Condition];
      const condition: Use[] = given.map(it => ({ path: name, kind: 'Condition', name: it, given: [] }));
      const before: Use[] = [DependsOn]
        .flat()
        .map(it => ({ path: `${name}.DependsOn`, kind: 'DependsOn', name: it, given }));
      const { Properties, Value } = each as { Properties?: Value; Value?: Value };
      return [...condition, ...before, ...usesIn(Properties ?? Value ?? null, name, given)];
    }),
  ];
}

function usesIn(value: Value, path: string, given: readonly string[]): Use[] {
  const call = callOf(value);
  if (call) return usesOfCall(...call, path, given);
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, child]) => usesIn(child, `${path}.${name}`, given));
}

function usesOfCall(name: string, argument: Value, path: string, given: readonly string[]): Use[] {
  const parts = Array.isArray(argument) ? (argument as readonly Value[]) : [];
  switch (name) {
    case 'Ref':
    case 'Condition':
      return [{ path, kind: name, name: String(argument), given }];
    case 'Fn::GetAtt':
      return [{ path, kind: 'GetAtt', name: String(parts[0]), attribute: parts.slice(1).join('.'), given }];
    case 'Fn::If': {
      const [condition, then = null, otherwise = null] = parts;
      return [
        { path, kind: 'Condition', name: String(condition), given },
        ...usesIn(then, path, [...given, String(condition)]),
        ...usesIn(otherwise, path, [...given, `!${condition}`]),
      ];
    }
    case 'Fn::Sub': {
      const [text, own = {}] = typeof argument === 'string' ? [argument] : parts;
      const outside = namesIn(String(text)).filter(each => !(each in (own as object)));
      const unused = Object.keys(own as object).filter(each => !namesIn(String(text)).includes(each));
      return [
        ...outside.map((each): Use => {
          const [resource, ...attribute] = each.split('.');
          if (attribute.length === 0) return { path, kind: 'Ref', name: each, given };
          return { path, kind: 'GetAtt', name: resource!, attribute: attribute.join('.'), given };
        }),
        ...unused.map((each): Use => ({ path: `${path} (unused in Sub)`, kind: 'Ref', name: each, given })),
        ...usesIn(own as Value, path, given),
      ];
    }
    default:
      return usesIn(argument, path, given);
  }
}

function faultOf({ path, kind, name, attribute, given }: Use, template: Template): string | undefined {
  const { Parameters, Conditions, Resources } = template;
  if (kind === 'Condition') return name in Conditions ? undefined : `${path}: no condition ${name}`;
  if (kind === 'Ref' && name.startsWith('AWS::'))
    return pseudo.includes(name.slice('AWS::'.length)) ? undefined : `${path}: no pseudo parameter ${name}`;
  if (kind === 'Ref' && name in Parameters) return undefined;
  const resource = Resources[name];
  if (resource === undefined) return `${path}: ${kind} of ${name}, which is not in the template`;
  // CloudFormation passes over a dependency on what is not made.
  if (kind !== 'DependsOn' && resource.Condition !== undefined && !given.includes(resource.Condition))
    return `${path}: ${name} is there with ${resource.Condition} only, and this is not`;
  if (kind !== 'GetAtt' || resource.Type.startsWith('Custom::')) return undefined;
  const { attributes } = publishedResource(resource.Type);
  return attribute! in attributes ? undefined : `${path}: ${resource.Type} has no attribute ${attribute}`;
}

function circles(needs: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const done = new Set<string>();
  function walk(name: string, way: readonly string[]): string[] {
    if (way.includes(name)) return [`${[...way.slice(way.indexOf(name)), name].join(' → ')}: a circle`];
    if (done.has(name)) return [];
    const found = [...needs.get(name)!].flatMap(next => walk(next, [...way, name]));
    done.add(name);
    return found;
  }
  return [...needs.keys()].flatMap(name => walk(name, []));
}
