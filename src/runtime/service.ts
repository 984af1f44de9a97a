import type { Log } from '../ports.ts';
import type { Program } from '../variables.ts';
import { type Life, openLife } from './life.ts';
import { createLog } from './log.ts';
import { Metrics } from './metrics.ts';
import { serveMetrics } from './metricsListener.ts';
import { watchProcess } from './metricsProcess.ts';
import type { Settings } from './settings.ts';
import { listenForShutdown } from './shutdown.ts';

export interface Service {
  readonly log: Log;
  /** Aborts when the program should finish; the reason says why. */
  readonly stop: AbortSignal;
  readonly life: Life;
  readonly metrics: Metrics;
  /** Calls `react` whenever the configuration file has been taken over. */
  onReload(react: () => void): void;
}

/** A start may take this long beside what it waits for on AWS. */
const START_SECONDS = 60;

/**
 * What every program that runs until it is told to stop has around its work: a log, signals, the service manager.
 * Resolves to the exit code.
 */
export async function runService(
  program: Program,
  settings: Settings,
  work: (service: Service) => Promise<number>,
): Promise<number> {
  const { config } = settings;
  const log = createLog({ program, level: () => config.logLevel });
  const startMs = (START_SECONDS + (config.aws ? config.startPatienceSeconds : 0)) * 1000;
  const life = openLife(process.env, { log, startMs });
  const reactions: (() => void)[] = [];
  const reload = () =>
    life.reloading(() => {
      if (tellReload(settings, program, log)) for (const react of reactions) react();
    });
  const stop = listenForShutdown(process.env.FACEREC_LIFELINE, reload).signal;
  stop.addEventListener('abort', () => life.stopping());
  const metrics = new Metrics(program);
  const unwatch = watchProcess(metrics);
  const over = new AbortController();
  const { metricsPort: port, metricsHost: host } = config;
  const listening =
    program === 'web' || port === undefined
      ? undefined
      : serveMetrics(metrics, { host, port, log, signal: over.signal });
  try {
    return await work({ log, stop, life, metrics, onReload: react => reactions.push(react) });
  } finally {
    life.stopping();
    over.abort();
    await listening;
    unwatch();
    await life.close();
  }
}

/** False when nothing was taken over. */
function tellReload(settings: Settings, program: Program, log: Log): boolean {
  const outcome = settings.reload(program);
  if (outcome.kind === 'no-file') {
    log.warn('nothing-to-reload', { hint: 'FACEREC_CONFIG names no file' });
    return false;
  }
  if (outcome.kind === 'refused') {
    log.error('reload-refused', { problems: outcome.problems });
    return false;
  }
  const { changed, needRestart, overridden } = outcome;
  log.info('reloaded', { variables: changed });
  if (needRestart.length > 0) log.warn('needs-restart', { variables: needRestart });
  if (overridden.length > 0) log.warn('overridden-by-environment', { variables: overridden });
  return true;
}
