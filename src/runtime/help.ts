import { type Program, type Variable, variableNames, variables } from '../variables.ts';

type Rows = readonly (readonly [string, string])[];

export interface Option {
  /** With its dashes. */
  readonly name: string;
  /** What is to be given with it, such as `FILE`. */
  readonly value?: string;
  readonly about: string;
}

export interface Command {
  /** Empty for what the program does when called without a command. */
  readonly name: string;
  /** Words that the command needs, such as `PHOTO…`. */
  readonly parameters?: string;
  /** Words that it takes, such as `[web]`. */
  readonly optional?: string;
  /** The only words there are for it. */
  readonly choices?: readonly string[];
  /** Whether its words are names of files. */
  readonly files?: boolean;
  readonly options?: readonly Option[];
  /** Its options are too many for the program's own help: they are in the command's. */
  readonly optionsAside?: true;
  /** More of its help, each a title with rows. */
  readonly more?: readonly (readonly [string, Rows])[];
  readonly about: string;
  /** Without the program's name, each with what it does. */
  readonly examples?: readonly (readonly [string, string])[];
  /** Besides those that all commands have. */
  readonly exits?: readonly (readonly [number, string])[];
}

/** What the program itself takes, whatever the command. */
export const OPTIONS: readonly Option[] = [
  { name: '--help', about: 'this text; after a command, that command’s' },
  { name: '--version', about: 'version, and the commit it was built from' },
  { name: '--licenses', about: 'licences of the program and of all that is in it' },
];

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** Commands that every program has, beside its own. */
export function builtIns(commands: readonly Command[]): Command[] {
  return [
    {
      name: 'help',
      optional: '[COMMAND]',
      choices: [...commands.map(({ name }) => name).filter(Boolean), 'completion'],
      about: 'this text, or a command’s',
    },
    {
      name: 'completion',
      parameters: SHELLS.join('|'),
      choices: SHELLS,
      about: 'print a script that completes commands and options in a shell',
      examples: [
        ['completion bash > /etc/bash_completion.d/PROGRAM', 'for bash'],
        ['completion zsh > /usr/local/share/zsh/site-functions/_PROGRAM', 'for zsh'],
        ['completion fish > /etc/fish/completions/PROGRAM.fish', 'for fish'],
      ],
    },
  ];
}

/** Exit codes of all programs and commands, after sysexits.h and the shells. */
export const EXIT_CODES: readonly (readonly [number, string])[] = [
  [0, 'ended as asked'],
  [64, 'wrong usage'],
  [70, 'a fault inside the program; see the log'],
  [78, 'a set-up that cannot work: configuration problems, all of them listed by name'],
  [130, 'stopped at once by a second SIGINT (Ctrl-C)'],
  [143, 'stopped at once by a second SIGTERM'],
];

/** Breaks at blanks; a word that is too long has a line of its own. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}

/** Two columns; where the left one is too wide for that, the right one goes below it. */
function table(rows: Rows, width: number): string {
  const widest = Math.max(...rows.map(([left]) => left.length));
  const beside = 2 + widest + 2 <= width / 2;
  const indent = beside ? 2 + widest + 2 : 6;
  return rows
    .map(([left, right]) => {
      const lines = wrap(right, width - indent);
      const first = beside ? [`  ${left.padEnd(widest)}  ${lines.shift()}`] : [`  ${left}`];
      return [...first, ...lines.map(line => ' '.repeat(indent) + line)].join('\n');
    })
    .join('\n');
}

function section(title: string, rows: Rows, width: number): string {
  return rows.length === 0 ? '' : `\n${title}:\n${table(rows, width)}\n`;
}

const optionRows = (options: readonly Option[]): Rows =>
  options.map(({ name, value, about }) => [value === undefined ? name : `${name} ${value}`, about]);

const exitRows = (exits: Command['exits'] = []): Rows =>
  [...EXIT_CODES, ...exits].sort(([a], [b]) => a - b).map(([code, about]) => [String(code), about]);

function usage(program: Program, { name, parameters, optional, options }: Command): string {
  const words = [`facerec-${program}`, name, options && '[OPTION…]', parameters, optional];
  return words.filter(Boolean).join(' ');
}

/** The program's whole reference: commands, options, variables with their defaults, exit codes. */
export function helpText(
  program: Program,
  about: string,
  commands: readonly Command[],
  width: number,
): string {
  const all = [...commands, ...builtIns(commands)];
  const environment = variableNames
    .filter(name => (variables[name].programs as readonly Program[]).includes(program))
    .map(name => {
      const { about, default: fallback, unit, reload }: Variable = variables[name];
      const value = fallback === undefined ? '' : ` [${fallback}${unit ? ` ${unit}` : ''}]`;
      const inUnit = fallback === undefined && unit ? `, in ${unit}` : '';
      return [name, `${about}${inUnit}${value}${reload ? ' (reload)' : ''}`] as const;
    });
  const exits = commands.flatMap(({ name, exits = [] }) =>
    exits.map(([code, about]) => [code, `${name}: ${about}`] as const),
  );
  return [
    `${wrap(about, width).join('\n')}\n`,
    section(
      'Commands',
      all.map(command => [usage(program, command), command.about] as const),
      width,
    ),
    section(
      'Options',
      optionRows([
        ...OPTIONS,
        ...commands
          .filter(({ optionsAside }) => !optionsAside)
          .flatMap(({ name, options = [] }) => options.map(o => ({ ...o, about: `${name}: ${o.about}` }))),
      ]),
      width,
    ),
    section('Environment', environment, width),
    `\n${wrap('Defaults are in [brackets]. What says (reload) is taken over by a running program when it gets SIGHUP, from the file FACEREC_CONFIG.', width).join('\n')}\n`,
    section('Signals', SIGNALS, width),
    section('Exit codes', exitRows(exits), width),
  ].join('');
}

const SIGNALS: Rows = [
  [
    'SIGTERM, SIGINT',
    'finish what is in hand, then end; a second one ends at once (Ctrl-C: a second later or more)',
  ],
  ['SIGHUP', 'read the file FACEREC_CONFIG again; one with problems is refused as a whole'],
];

/** One command's usage, options, examples and exit codes. */
export function commandHelp(program: Program, command: Command, width: number): string {
  const { about, choices, options = [], more = [], examples = [], exits } = command;
  const name = `facerec-${program}`;
  return [
    `${usage(program, command)}\n\n${wrap(capitalised(about), width).join('\n')}\n`,
    section('Words', choices ? [[choices.join(', '), 'all that there are']] : [], width),
    section('Options', optionRows([...options, ...OPTIONS.slice(0, 1)]), width),
    ...more.map(([title, rows]) => section(title, rows, width)),
    section(
      'Examples',
      examples.map(([words, what]) => [`${name} ${words.replaceAll('PROGRAM', name)}`, what] as const),
      width,
    ),
    section('Exit codes', exitRows(exits), width),
  ].join('');
}

const capitalised = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
