import type { Context } from 'hono';
import type { LogFields } from '../ports.ts';
import type { Deps, Env } from './deps.ts';

/** One line for each thing that is erased: what, by whom, by which request; ids only. */
export function audit({ log }: Pick<Deps, 'log'>, c: Context<Env>, what: LogFields): void {
  log.info('audit', { ...what, by: c.get('caller')?.id ?? 'open', request: c.get('requestId') });
}
