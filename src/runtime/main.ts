import { type Config, ConfigError } from '../config.ts';
import { messageOf } from '../core/errors.ts';
import { nearest, type Program } from '../variables.ts';
import { completion, type Shell } from './completion.ts';
import { builtIns, type Command, commandHelp, helpText, OPTIONS } from './help.ts';
import { Settings } from './settings.ts';
import { SetupError, StoppedAtStart } from './setup.ts';
import { EXIT } from './shutdown.ts';
import { COMMIT, VERSION } from './version.ts';

export interface RunnableCommand extends Command {
  /** Resolves to the exit code. */
  run(config: Config, parameters: readonly string[], settings: Settings): Promise<number>;
}

/** Picks the command, reads the configuration, runs, and ends the process with the command's exit code. */
export async function main(
  program: Program,
  about: string,
  commands: readonly RunnableCommand[],
): Promise<never> {
  process.exit(await run(program, about, commands, process.argv.slice(2)));
}

/** Lines of help, where nobody says how wide they may be. */
const WIDTH = 80;

export class UsageError extends Error {}

async function run(
  program: Program,
  about: string,
  commands: readonly RunnableCommand[],
  words: readonly string[],
): Promise<number> {
  const fail = (message: string, code: number) => {
    process.stderr.write(`facerec-${program}: ${message}\n`);
    return code;
  };
  try {
    const text = await answer(program, about, commands, words);
    if (text !== undefined) {
      // Awaited: exiting ends the process before a pipe has taken all of it.
      await Bun.write(Bun.stdout, text);
      return EXIT.ok;
    }
    const [first = '', ...rest] = words;
    const command = commands.find(({ name }) => name === first);
    if (!command) throw new UsageError(unknownWord(first, commands));
    const parameters = checked(command, rest);
    const settings = new Settings(process.env);
    return await command.run(settings.config, parameters, settings);
  } catch (error) {
    if (error instanceof UsageError) return fail(error.message, EXIT.usage);
    if (error instanceof StoppedAtStart) return EXIT.ok;
    if (error instanceof ConfigError || error instanceof SetupError) return fail(error.message, EXIT.config);
    return fail(error instanceof Error ? (error.stack ?? error.message) : messageOf(error), EXIT.software);
  }
}

/** What is printed for the words that ask about the program itself; undefined for commands that do something. */
async function answer(
  program: Program,
  about: string,
  commands: readonly Command[],
  words: readonly string[],
): Promise<string | undefined> {
  const all = [...commands, ...builtIns(commands)];
  const width = (process.stdout.isTTY && process.stdout.columns) || WIDTH;
  const [first, ...rest] = words;
  const end = words.indexOf('--');
  const options = end < 0 ? words : words.slice(0, end);
  const help = (name: string | undefined) => {
    const command = name && all.find(candidate => candidate.name === name);
    if (name && !command) throw new UsageError(unknownWord(name, commands));
    return command ? commandHelp(program, command, width) : helpText(program, about, commands, width);
  };
  if (options.includes('--help') || options.includes('-h'))
    return help(all.some(({ name }) => name !== '' && name === first) ? first : undefined);
  if (first === '--version' || first === '-V')
    return `facerec-${program} ${VERSION}${COMMIT === undefined ? '' : ` (${COMMIT})`}\n`;
  if (first === '--licenses') {
    const { licenses } = await import('./licenses.ts');
    return licenses(program);
  }
  const builtIn = builtIns(commands).find(({ name }) => name === first);
  if (builtIn === undefined) return undefined;
  const [word, more] = checked(builtIn, rest);
  if (more !== undefined) throw new UsageError(`unexpected "${more}"; "help ${first}" tells the usage`);
  if (first === 'help') return help(word);
  return completion(word as Shell, program, commands);
}

/** The words after the command without the `--` that ends its options. Throws a UsageError where they do not fit. */
function checked(command: Command, words: readonly string[]): readonly string[] {
  const { name, parameters, optional, choices, options = [] } = command;
  const usage = name === '' ? '--help tells the usage' : `"help ${name}" tells the usage`;
  const end = words.indexOf('--');
  const before = end < 0 ? words : words.slice(0, end);
  const wrong = before.find(word => /^-./.test(word) && !options.some(o => o.name === word.split('=', 1)[0]));
  if (wrong !== undefined) {
    const known = [...options, ...OPTIONS].map(option => option.name);
    throw new UsageError(`there is no option "${wrong}"${meant(wrong, known)}; ${usage}`);
  }
  const given = end < 0 ? words : [...before, ...words.slice(end + 1)];
  if (given.length > 0 && parameters === undefined && optional === undefined && options.length === 0)
    throw new UsageError(`unexpected "${given[0]}"; ${usage}`);
  if (given.length === 0 && parameters !== undefined)
    throw new UsageError(`"${name}" needs ${parameters}; ${usage}`);
  const stranger = choices && given.find(word => !choices.includes(word));
  if (stranger !== undefined)
    throw new UsageError(
      `"${name}" knows no "${stranger}"${meant(stranger, choices ?? [])}; it takes ${(choices ?? []).join(', ')}`,
    );
  return given;
}

function unknownWord(word: string, commands: readonly Command[]): string {
  const known = [...commands, ...builtIns(commands), ...OPTIONS].map(({ name }) => name).filter(Boolean);
  return `there is no command or option "${word}"${meant(word, known)}; --help lists them`;
}

function meant(word: string, known: readonly string[]): string {
  const near = nearest(word, known, Math.max(2, Math.floor(word.length / 3)));
  return near === undefined ? '' : `; did you mean "${near}"?`;
}
