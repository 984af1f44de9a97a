import { messageOf } from '../core/errors.ts';

/** A fault of set-up that the operator can mend, told without a stack trace; the program ends with EXIT.config. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

/** Asked to stop before the start was over: no fault, and nothing has been done yet. */
export class StoppedAtStart extends Error {
  override readonly name = 'StoppedAtStart';
}

/** Codes of the system and of SQLite that trying again does not change. */
const lasting =
  /^(E(EXIST|NOTDIR|ACCES|PERM|ROFS|NOENT|ISDIR|INVAL|ADDRNOTAVAIL|NOTFOUND)|SQLITE_(NOTADB|CORRUPT|CANTOPEN|READONLY)\w*)$/;

/** Runs a step of set-up; what lastingly fails becomes a SetupError that begins with `what`, such as a variable's name. */
export async function settingUp<T>(what: string, advice: string, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code !== 'string' || !lasting.test(code)) throw error;
    throw new SetupError(`${what}: ${messageOf(error)}. ${advice}`, { cause: error });
  }
}
