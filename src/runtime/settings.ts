import { readFileSync } from 'node:fs';
import { type Config, ConfigError, type Environment, readConfig, settingOf } from '../config.ts';
import { messageOf } from '../core/errors.ts';
import { type Program, type Variable, type VariableName, variableNames, variables } from '../variables.ts';
import { parseEnvironmentFile } from './environmentFile.ts';

/** What a second look at the configuration file brought. */
export type Reloaded =
  | { readonly kind: 'no-file' }
  /** Nothing was taken over. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] }
  | {
      readonly kind: 'reloaded';
      readonly changed: readonly VariableName[];
      /** Changed too, but this process keeps the value with which it was started. */
      readonly needRestart: readonly VariableName[];
      /** Changed in the file, to no effect: the environment sets them. */
      readonly overridden: readonly VariableName[];
    };

type Values = Partial<Record<VariableName, string>>;

/**
 * The configuration of a running program: the environment, and before it what the file FACEREC_CONFIG says. `config`
 * changes in place when the file is read again: whoever uses a variable that can be reloaded reads it when it is needed.
 */
export class Settings {
  readonly config: Config;
  readonly #environment: Environment;
  readonly #path: string | undefined;
  readonly #readFile: (path: string) => string;
  #file: Environment;

  /** Throws a ConfigError that lists every problem of environment and file. */
  constructor(environment: Environment, readFile = (path: string) => readFileSync(path, 'utf8')) {
    this.#environment = { ...environment };
    this.#path = environment.FACEREC_CONFIG?.trim() || undefined;
    this.#readFile = readFile;
    this.#file = this.#read();
    this.config = readConfig(environment, undefined, this.#file);
  }

  /** Tells of the variables that the program reads. */
  reload(program: Program): Reloaded {
    if (this.#path === undefined) return { kind: 'no-file' };
    try {
      const file = this.#read();
      const before = this.#values(this.#file);
      const after = this.#values(file);
      readConfig(this.#environment, undefined, file);
      const differing = variableNames.filter(name => before[name] !== after[name]);
      const changed = differing.filter(name => (variables[name] as Variable).reload);
      const needRestart = differing.filter(name => !changed.includes(name));
      const overridden = variableNames.filter(
        name => this.#environment[name] && file[name] !== this.#file[name],
      );
      const kept: Record<string, string | undefined> = { ...file };
      for (const name of needRestart) kept[name] = this.#file[name];
      Object.assign(this.config, readConfig(this.#environment, undefined, kept));
      this.#file = kept;
      const own = (names: readonly VariableName[]) =>
        names.filter(name => (variables[name] as Variable).programs.includes(program));
      return {
        kind: 'reloaded',
        changed: own(changed),
        needRestart: own(needRestart),
        overridden: own(overridden),
      };
    } catch (error) {
      if (error instanceof ConfigError) return { kind: 'refused', problems: error.problems };
      throw error;
    }
  }

  #values(file: Environment): Values {
    return Object.fromEntries(
      variableNames.flatMap(name => {
        const value = settingOf(name, this.#environment, file);
        return value ? [[name, value.trim()]] : [];
      }),
    );
  }

  #read(): Environment {
    if (this.#path === undefined) return {};
    let text: string;
    try {
      text = this.#readFile(this.#path);
    } catch (error) {
      throw new ConfigError([`FACEREC_CONFIG: ${messageOf(error)}`]);
    }
    const { values, problems } = parseEnvironmentFile(text);
    if (problems.length === 0) return values;
    throw new ConfigError(problems.map(problem => `FACEREC_CONFIG: ${this.#path}, ${problem}`));
  }
}

/** The environment for programs on other machines: with what the file says in place of its name. */
export function environmentElsewhere({ file }: Config, environment: Environment = process.env): Environment {
  const given = Object.entries(environment).filter(([name, value]) => value && name !== 'FACEREC_CONFIG');
  return { ...file, ...Object.fromEntries(given) };
}
