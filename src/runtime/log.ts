import type { Log, LogFields } from '../ports.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof levels)[number];

export interface LogOptions {
  readonly program: string;
  /** Least serious level written; asked for each line, because it may change. */
  readonly level: Level | (() => Level);
  readonly write?: (line: string) => void;
  readonly now?: () => number;
}

/** One JSON object a line, on standard error. */
export function createLog(options: LogOptions): Log {
  const { program, level: least, write = line => process.stderr.write(line), now = Date.now } = options;
  const at =
    (level: Level) =>
    (event: string, fields: LogFields = {}) => {
      if (levels.indexOf(level) < levels.indexOf(typeof least === 'function' ? least() : least)) return;
      const time = new Date(now()).toISOString();
      write(`${JSON.stringify({ time, level, program, pid: process.pid, event, ...fields })}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** For tests and tools that have nothing to tell. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
