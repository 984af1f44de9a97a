import { type Config, ConfigError, readConfig } from '../config.ts';
import { messageOf } from '../core/errors.ts';
import type { Program } from '../variables.ts';
import { type Command, helpText } from './help.ts';
import { SetupError } from './setup.ts';
import { EXIT } from './shutdown.ts';
import { VERSION } from './version.ts';

export interface RunnableCommand extends Command {
  /** Resolves to the exit code. */
  run(config: Config, parameters: readonly string[]): Promise<number>;
}

/** Picks the command, reads the configuration, runs, and ends the process with the command's exit code. */
export async function main(
  program: Program,
  about: string,
  commands: readonly RunnableCommand[],
): Promise<never> {
  process.exit(await run(program, about, commands, process.argv.slice(2)));
}

async function run(
  program: Program,
  about: string,
  commands: readonly RunnableCommand[],
  words: readonly string[],
): Promise<number> {
  const [first = '', ...rest] = words;
  const fail = (message: string, code: number) => {
    process.stderr.write(`facerec-${program}: ${message}\n`);
    return code;
  };
  if (words.includes('--help') || words.includes('-h')) {
    process.stdout.write(helpText(program, about, commands));
    return EXIT.ok;
  }
  if (first === '--version' || first === '-V') {
    process.stdout.write(`facerec-${program} ${VERSION}\n`);
    return EXIT.ok;
  }
  const command = commands.find(({ name }) => name === first);
  if (!command) return fail(`there is no command or option "${first}"; --help lists them`, EXIT.usage);
  if (rest.length > 0 && command.parameters === undefined && command.optional === undefined)
    return fail(`unexpected "${rest[0]}"; --help tells the usage`, EXIT.usage);
  if (rest.length === 0 && command.parameters !== undefined)
    return fail(`"${command.name}" needs ${command.parameters}; --help tells the usage`, EXIT.usage);
  try {
    return await command.run(readConfig(process.env), rest);
  } catch (error) {
    if (error instanceof ConfigError || error instanceof SetupError) return fail(error.message, EXIT.config);
    return fail(error instanceof Error ? (error.stack ?? error.message) : messageOf(error), EXIT.software);
  }
}
