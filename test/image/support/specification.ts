import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';
import { callOf, type Mapping, type Template, type Value } from './template.ts';

/** What AWS publishes of each resource's properties, as of the version of the package. */
const specification = loadAwsServiceSpecSync();

type Properties = ReturnType<typeof publishedResource>['properties'];
type PropertyType = Properties[string]['type'];

export function publishedResource(type: string) {
  const [resource] = specification.lookup('resource', 'cloudFormationType', 'equals', type);
  if (resource === undefined) throw new Error(`there is no resource type ${type}`);
  return resource;
}

/** What CloudFormation would refuse: unknown resource types and properties, missing properties, values of a wrong type. */
export function specificationFaults({ Resources }: Template): string[] {
  return Object.entries(Resources)
    .filter(([, { Type }]) => !Type.startsWith('Custom::'))
    .flatMap(([name, { Type, Properties: given = {} }]) => {
      try {
        return propertyFaults(given, publishedResource(Type).properties, name);
      } catch (error) {
        return `${name}: ${(error as Error).message}`;
      }
    });
}

function propertyFaults(value: Mapping, published: Properties, path: string): string[] {
  const missing = Object.keys(published).filter(name => published[name]!.required && !(name in value));
  const wrong = Object.entries(value).flatMap(([name, child]) => {
    const property = published[name];
    return property
      ? valueFaults(child, property.type, `${path}.${name}`)
      : `${path}.${name}: no such property`;
  });
  return [...wrong, ...missing.map(name => `${path}.${name}: missing`)];
}

function valueFaults(value: Value, type: PropertyType, path: string): string[] {
  const call = callOf(value);
  if (call) {
    const [name, argument] = call;
    const branches = name === 'Fn::If' && Array.isArray(argument) ? argument.slice(1) : [];
    return branches.flatMap(branch => valueFaults(branch, type, path));
  }
  const expect = (right: boolean, what: string) =>
    right ? [] : [`${path}: expected ${what}, got ${JSON.stringify(value)}`];
  switch (type.type) {
    case 'array':
      if (!isList(value)) return expect(false, 'a list');
      return value.flatMap((item, i) => valueFaults(item, type.element, `${path}.${i}`));
    case 'map':
      if (!isMapping(value)) return expect(false, 'a mapping');
      return Object.entries(value).flatMap(([name, child]) =>
        valueFaults(child, type.element, `${path}.${name}`),
      );
    case 'ref': {
      if (!isMapping(value)) return expect(false, 'a mapping');
      const { properties } = specification.get('typeDefinition', type.reference.$ref);
      return propertyFaults(value, properties, path);
    }
    case 'tag':
      return expect(isMapping(value) && 'Key' in value && 'Value' in value, 'a tag');
    case 'boolean':
      return expect(['true', 'false'].includes(String(value)), 'true or false');
    case 'integer':
      return expect(
        isScalar(value) && Number.isInteger(Number(value)) && isListed(type.allowedValues, Number(value)),
        'a whole number',
      );
    case 'number':
      return expect(isScalar(value) && Number.isFinite(Number(value)), 'a number');
    case 'string':
      return expect(
        isScalar(value) && isListed(type.allowedValues, String(value)),
        type.allowedValues ? `one of ${type.allowedValues.join(', ')}` : 'text',
      );
    default:
      return [];
  }
}

function isListed<T>(allowed: readonly T[] | undefined, value: T): boolean {
  return allowed === undefined || allowed.length === 0 || allowed.includes(value);
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function isMapping(value: Value): value is Mapping {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isScalar(value: Value): boolean {
  return value !== null && typeof value !== 'object';
}
