import type { Log, LogFields } from '../../../src/ports.ts';

export interface Entry extends LogFields {
  readonly level: keyof Log;
  readonly event: string;
}

/** A log that keeps its entries for a test to look at. */
export function recordingLog(): Log & { readonly entries: readonly Entry[] } {
  const entries: Entry[] = [];
  const at = (level: keyof Log) => (event: string, fields?: LogFields) => {
    entries.push({ ...fields, level, event });
  };
  return { entries, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
