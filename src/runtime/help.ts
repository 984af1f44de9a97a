import { type Program, variableNames, variables } from '../variables.ts';

export interface Command {
  /** Empty for what the program does when called without a command. */
  readonly name: string;
  /** Words that the command needs, such as `PHOTO…`. */
  readonly parameters?: string;
  /** Words that it takes, such as `[web]`. */
  readonly optional?: string;
  readonly about: string;
}

/** The program's whole reference: commands, options, variables with their defaults, exit codes. */
export function helpText(program: Program, about: string, commands: readonly Command[]): string {
  const name = `facerec-${program}`;
  const rows = (lines: readonly (readonly [string, string])[]) => {
    const width = Math.max(...lines.map(([left]) => left.length));
    return lines.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
  };
  const usage = commands.map(
    c => [[name, c.name, c.parameters, c.optional].filter(Boolean).join(' '), c.about] as const,
  );
  const environment = variableNames
    .filter(variable => (variables[variable].programs as readonly Program[]).includes(program))
    .map(variable => {
      const v: { about: string; unit?: string; default?: string } = variables[variable];
      const fallback = v.default === undefined ? '' : ` [${v.default}${v.unit ? ` ${v.unit}` : ''}]`;
      return [variable, v.about + fallback] as const;
    });
  return `${about}

Usage:
${rows([...usage, [`${name} --help`, 'this text'], [`${name} --version`, 'the version']])}

Environment:
${rows(environment)}

Exit codes:
${rows([
  ['0', 'ended as asked'],
  ...(program === 'worker' ? [['1', 'recognise: at least one photo failed'] as const] : []),
  ...(program === 'controller' ? [['1', 'doctor: something is to be fixed'] as const] : []),
  ['64', 'wrong usage'],
  ['70', 'a fault inside the program; see the log'],
  ['78', 'configuration problems, all of them listed by name'],
])}
`;
}
