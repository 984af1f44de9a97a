/** `bun run policies`: the table of permissions → `ami/iam/*.json` → the stack. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programs } from '../../src/variables.ts';
import { type Policy, policyOf } from './policies.ts';

const stackFile = join(import.meta.dir, '../cloudformation/stack.yaml');
/** Policies of the stack, and the roles that have them. */
const roles = { web: 'WebRole', controller: 'WebRole', worker: 'WorkerRole', cleanup: 'CleanupRole' };
const begin = '  # Policies: written by `bun run policies`\n';
const end = '  # End of policies\n';

/** What the files should hold, by path. */
export async function written(): Promise<Readonly<Record<string, string>>> {
  const texts = programs.map(program => [program, json(policyOf(program))] as const);
  const files = Object.fromEntries(
    texts.map(([program, text]) => [join(import.meta.dir, `${program}.json`), text]),
  );
  const policies = await Promise.all(
    Object.entries(roles).map(async ([name, role]) => {
      const path = join(import.meta.dir, `${name}.json`);
      return resource(name, role, JSON.parse(files[path] ?? (await readFile(path, 'utf8'))));
    }),
  );
  const stack = await readFile(stackFile, 'utf8');
  const [before, rest] = [stack.slice(0, stack.indexOf(begin)), stack.slice(stack.indexOf(end))];
  return { ...files, [stackFile]: `${before}${begin}\n${policies.join('\n')}\n${rest}` };
}

/** As the formatter would have it: short lists in one line. */
function json(policy: Policy): string {
  const text = JSON.stringify(policy, undefined, 2);
  const lists = text.replace(
    /^( *"\w+": )\[\n((?: *"[^"\n]*",?\n)+) *\](,?)$/gm,
    (list, key, items, comma) => {
      const line = `${key}[${items
        .trim()
        .split(/\s*\n\s*/)
        .join(' ')}]${comma}`;
      return line.length <= 110 ? line : list;
    },
  );
  return `${lists}\n`;
}

function resource(name: string, role: string, { Version, Statement }: Policy): string {
  const logicalName = `${name[0]!.toUpperCase()}${name.slice(1)}Policy`;
  const document = { Version, Statement };
  return [
    `  ${logicalName}:`,
    '    Type: AWS::IAM::Policy',
    '    Properties:',
    `      PolicyName: ${name}`,
    `      Roles: [!Ref ${role}]`,
    `      PolicyDocument:${yaml(document, 8)}`,
    '',
  ].join('\n');
}

/** What follows a key and its colon. */
function yaml(value: unknown, indent: number): string {
  const margin = `\n${' '.repeat(indent)}`;
  if (typeof value === 'string') return scalar(value, margin);
  if (Array.isArray(value)) {
    const isPlain = (item: unknown) => typeof item === 'string';
    const after = (item: unknown) =>
      isPlain(item) ? yaml(item, indent) : ` ${yaml(item, indent + 2).trimStart()}`;
    return value.map(item => `${margin}-${after(item)}`).join('');
  }
  return Object.entries(value as object)
    .map(([key, child]) => `${margin}${key === 'Null' ? "'Null'" : key}:${yaml(child, indent + 2)}`)
    .join('');
}

function scalar(text: string, margin: string): string {
  const name = /^\$\{([\w:]+)(\.\w+)?\}$/.exec(text);
  if (name) return name[2] ? ` !GetAtt ${name[1]}${name[2]}` : ` !Ref ${name[1]}`;
  if (text.includes(`\${Network}`))
    return `${margin}Fn::Sub:${margin}  - '${text}'${margin}  - Network: !If [NewVpc, !Ref Vpc, !Ref VpcId]`;
  if (text.includes('$' + '{')) return ` !Sub '${text}'`;
  return /^[A-Za-z][\w:/.-]*$/.test(text) && !['true', 'false'].includes(text) ? ` ${text}` : ` '${text}'`;
}

if (import.meta.main) for (const [path, text] of Object.entries(await written())) await writeFile(path, text);
