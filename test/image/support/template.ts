import { isAlias, isMap, isScalar, isSeq, type Node, parseDocument } from 'yaml';

export type Value = string | number | boolean | null | readonly Value[] | Mapping;
export type Mapping = { readonly [name: string]: Value };

export interface Resource {
  readonly Type: string;
  readonly Condition?: string;
  readonly DependsOn?: string | readonly string[];
  readonly DeletionPolicy?: string;
  readonly Properties?: Mapping;
}

export interface Parameter {
  readonly Type: string;
  readonly Default?: string | number;
  readonly AllowedPattern?: string;
  readonly AllowedValues?: readonly string[];
}

export interface Output {
  readonly Condition?: string;
  readonly Value: Value;
}

/** A CloudFormation template, the short forms of its functions (`!Ref X`) written out (`{Ref: 'X'}`). */
export interface Template {
  readonly Parameters: Readonly<Record<string, Parameter>>;
  readonly Conditions: Mapping;
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, Output>>;
}

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html */
const functions =
  'Ref Condition Base64 Cidr Equals And Or Not If FindInMap GetAZs GetAtt ImportValue Join Select Split Sub'.split(
    ' ',
  );

/** Throws an Error for what is no YAML, and for what YAML has and CloudFormation has not: anchors, aliases, other tags. */
export function parseTemplate(text: string): Template {
  const document = parseDocument(text, { version: '1.1', logLevel: 'silent' });
  const problem = [
    ...document.errors,
    ...document.warnings.filter(({ code }) => code !== 'TAG_RESOLVE_FAILED'),
  ];
  if (problem[0]) throw problem[0];
  return valueIn(document.contents) as unknown as Template;
}

function valueIn(node: unknown): Value {
  if (node === null || node === undefined) return null;
  const { anchor, tag } = node as Node & { anchor?: string };
  if (isAlias(node) || anchor !== undefined)
    throw new Error('CloudFormation knows no anchors and no aliases');
  const value = plainValue(node);
  if (!tag?.startsWith('!') || tag === '!') return value;
  const name = tag.slice(1);
  if (!functions.includes(name)) throw new Error(`there is no function ${tag}`);
  if (name === 'Ref' || name === 'Condition') return { [name]: value };
  return { [`Fn::${name}`]: name === 'GetAtt' && typeof value === 'string' ? value.split('.') : value };
}

function plainValue(node: unknown): Value {
  if (isScalar(node)) return node.value as Value;
  if (isSeq(node)) return node.items.map(valueIn);
  if (isMap(node))
    return Object.fromEntries(node.items.map(({ key, value }) => [keyIn(key), saidOf(key, value)]));
  throw new Error(`not understood: ${node}`);
}

/** YAML 1.1 takes `Null`, `yes` and `12` for other things than text. */
function keyIn(node: unknown): string {
  const key = valueIn(node);
  if (typeof key !== 'string') throw new Error(`a key that is not text: ${key}`);
  return key;
}

/** A comma in a flow mapping begins a new key, and says nothing of it. */
function saidOf(key: unknown, node: unknown): Value {
  const value = valueIn(node);
  if (value === null) throw new Error(`nothing is said of ${keyIn(key)}`);
  return value;
}

/** Name and argument, where a value is a call of a function. */
export function callOf(value: Value): readonly [name: string, argument: Value] | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  const [name, argument] = entries[0] ?? [];
  if (entries.length !== 1 || name === undefined) return undefined;
  return /^(Ref|Condition|Fn::\w+)$/.test(name) ? [name, argument!] : undefined;
}

/** The names in `${…}`, `${!…}` being plain text. */
export function namesIn(text: string): string[] {
  return [...text.matchAll(/\$\{([^!}][^}]*)\}/g)].map(([, name]) => name!.trim());
}
