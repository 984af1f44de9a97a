import { callOf, type Mapping, namesIn, type Template, type Value } from './template.ts';

export type Parameters = Readonly<Record<string, string>>;

/** Identities of resources in a stack, by their logical names: what Ref and GetAtt answer. */
export type Identity = (name: string, attribute?: string) => string;

export interface Deployed {
  /** The resources that are made, with their properties resolved. */
  readonly resources: Readonly<Record<string, { readonly Type: string; readonly Properties: Mapping }>>;
  readonly outputs: Readonly<Record<string, Value>>;
  /** A value of the template as it is in this stack. */
  resolve(value: Value): Value;
}

export const account = '123456789012';
export const region = 'eu-west-1';
export const stackName = 'facerec';

/** What the template means with these parameters. Throws an Error for parameters that CloudFormation would refuse. */
export function deploy(template: Template, given: Parameters, identity: Identity): Deployed {
  const { Conditions, Resources, Outputs } = template;
  const parameters = parameterValues(template, given);
  const noValue = Symbol('AWS::NoValue');
  const pseudo: Readonly<Record<string, string>> = {
    'AWS::AccountId': account,
    'AWS::Partition': 'aws',
    'AWS::Region': region,
    'AWS::StackName': stackName,
    'AWS::URLSuffix': 'amazonaws.com',
  };
  const holds = (name: string): boolean => resolve(Conditions[name] ?? null) === true;
  const isMade = (condition: string | undefined) => condition === undefined || holds(condition);
  const ref = (name: string) =>
    name === 'AWS::NoValue' ? noValue : (pseudo[name] ?? parameters[name] ?? identity(name));

  function call(name: string, argument: Value): unknown {
    const list = () => argument as readonly Value[];
    switch (name) {
      case 'Ref':
        return ref(String(argument));
      case 'Condition':
        return holds(String(argument));
      case 'Fn::GetAtt':
        return identity(String(list()[0]), list().slice(1).join('.'));
      case 'Fn::Sub': {
        const [text, own = {}] = typeof argument === 'string' ? [argument] : list();
        const values = resolve(own as Mapping) as Mapping;
        return namesIn(String(text)).reduce((done, each) => {
          const [resource, ...attribute] = each.split('.');
          const value =
            values[each] ?? (attribute.length > 0 ? identity(resource!, attribute.join('.')) : ref(each));
          return done.replaceAll(`\${${each}}`, String(value));
        }, String(text));
      }
      case 'Fn::If':
        return resolve(list()[holds(String(list()[0])) ? 1 : 2]!);
      case 'Fn::Equals':
        return resolve(list()[0]!) === resolve(list()[1]!);
      case 'Fn::Not':
        return resolve(list()[0]!) !== true;
      case 'Fn::Join':
        return (resolve(list()[1]!) as string[]).join(String(list()[0]));
      case 'Fn::Select':
        return (resolve(list()[1]!) as string[])[Number(list()[0])];
      case 'Fn::GetAZs':
        return [`${region}a`, `${region}b`, `${region}c`];
      case 'Fn::Base64':
        return Buffer.from(String(resolve(argument))).toString('base64');
      default:
        throw new Error(`not known here: ${name}`);
    }
  }

  function resolve(value: Value): Value {
    const found = callOf(value);
    if (found) return call(...found) as Value;
    if (value === null || typeof value !== 'object') return value;
    const isThere = (each: unknown) => each !== noValue;
    if (Array.isArray(value)) return value.map(resolve).filter(isThere);
    const entries = Object.entries(value).map(([name, child]) => [name, resolve(child)] as const);
    return Object.fromEntries(entries.filter(([, child]) => isThere(child)));
  }

  const resources = Object.entries(Resources).filter(([, { Condition }]) => isMade(Condition));
  const outputs = Object.entries(Outputs).filter(([, { Condition }]) => isMade(Condition));
  return {
    resources: Object.fromEntries(
      resources.map(([name, { Type, Properties = {} }]) => [
        name,
        { Type, Properties: resolve(Properties) as Mapping },
      ]),
    ),
    outputs: Object.fromEntries(outputs.map(([name, { Value: value }]) => [name, resolve(value)])),
    resolve,
  };
}

function parameterValues(template: Template, given: Parameters): Record<string, string | string[]> {
  const extra = Object.keys(given).find(name => !(name in template.Parameters));
  if (extra !== undefined) throw new Error(`there is no parameter ${extra}`);
  return Object.fromEntries(
    Object.entries(template.Parameters).map(([name, { Type, Default, AllowedPattern, AllowedValues }]) => {
      const text = given[name] ?? (Default === undefined ? undefined : String(Default));
      if (text === undefined) throw new Error(`${name} has no default`);
      if (AllowedPattern !== undefined && !new RegExp(AllowedPattern).test(text))
        throw new Error(`${name}: ${JSON.stringify(text)} does not match ${AllowedPattern}`);
      if (AllowedValues !== undefined && !AllowedValues.map(String).includes(text))
        throw new Error(`${name}: ${JSON.stringify(text)} is none of ${AllowedValues.join(', ')}`);
      return [name, Type === 'CommaDelimitedList' ? text.split(',') : text];
    }),
  );
}
