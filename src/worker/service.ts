import type { Config } from '../config.ts';
import { messageOf } from '../core/errors.ts';
import type { Heartbeat } from '../core/heartbeat.ts';
import type { LeavePolicy } from '../core/leave.ts';
import { minRuntime } from '../core/scaling/boot.ts';
import type { Policy } from '../core/scaling/types.ts';
import { createEngine } from '../face/engine.ts';
import type { Host, Log, Services } from '../ports.ts';
import { type Life, noLife } from '../runtime/life.ts';
import { Metrics } from '../runtime/metrics.ts';
import { SetupError } from '../runtime/setup.ts';
import { EXIT } from '../runtime/shutdown.ts';
import { every } from '../runtime/time.ts';
import { VERSION } from '../runtime/version.ts';
import { watchAlone } from './alone.ts';
import { Consumer } from './consumer.ts';
import { beat } from './heartbeat.ts';
import { WorkerMetrics } from './metrics.ts';
import { openModels } from './models.ts';
import { handle } from './pipeline.ts';
import { WorkerPulse } from './pulse.ts';
import { Recogniser } from './recogniser.ts';
import { Slots } from './slots.ts';
import { Suspects } from './suspects.ts';
import { targetProblem, thresholdOf } from './threshold.ts';

/** Photos in memory as files: enough to hide the way to the object store, few enough for 12 megapixels each. */
const DOWNLOADED = 3;
/** Decoded photos in memory: one in the engine, one ready. */
const DECODED = 2;
const DRAIN_CHECK_MS = 1000;
/** ms since the epoch as they were at the start and have gone on since: no step of the clock makes a worker look idle. */
const steadyNow = () => Math.round(performance.timeOrigin + performance.now());

export interface WorkerEnd {
  readonly exitCode: number;
  /** Whether the machine is no longer needed: leave was granted, or taken by rule; not when the process was stopped. */
  readonly leave: boolean;
}

/** Works until asked to stop or to drain, finishes what it holds, says goodbye. */
export async function runWorker(
  config: Config,
  services: Services,
  host: Host,
  log: Log,
  stop: AbortSignal,
  life: Life = noLife,
  metrics = new Metrics('worker'),
): Promise<WorkerEnd> {
  const { requests, responses, deadLetters, input, output, gallery } = services;
  const begunAt = steadyNow();
  const models = await openModels(config);
  const problem = targetProblem(config, models.manifest.thresholds);
  if (problem !== undefined) throw new SetupError(problem);
  const pulse: WorkerPulse = new WorkerPulse({
    pollSeconds: config.pollSeconds,
    processed: () => consumer.processed,
    draining: () => draining.signal.aborted,
  });
  const engine = pulse.engine(await createEngine(models));
  const onDamaged = (segment: string, error: unknown) =>
    log.error('gallery-damaged', { segment, error: messageOf(error) });
  const recogniser = new Recogniser({
    ...{ engine, models, gallery, onDamaged, keepsPictures: config.keepsPictures },
    threshold: faces => thresholdOf(config, models.manifest.thresholds, faces),
  });
  await recogniser.refresh();
  requireOwnFaces(recogniser, models.id);

  const draining = new AbortController();
  const drain = (reason: string) => {
    if (draining.signal.aborted) return;
    log.info('draining', { reason });
    draining.abort(reason);
  };
  let leaving = false;
  const leave = (reason: string) => {
    leaving = !draining.signal.aborted;
    drain(reason);
  };
  if (stop.aborted) drain(String(stop.reason));
  stop.addEventListener('abort', () => drain(String(stop.reason)), { once: true });
  let code: number = EXIT.ok;
  void engine.failed.then(error => {
    // An engine thread is never restarted in place: the process ends and what it held comes round again.
    log.error('engine-failed', { error: messageOf(error) });
    code = EXIT.software;
    drain('the engine failed');
  });

  const { maxReceives, visibilitySeconds, pollSeconds } = config;
  const counts = new WorkerMetrics(metrics);
  const pipeline = {
    metrics: counts,
    ...{ requests, responses, deadLetters, input, output },
    ...{ recogniser, maxReceives, visibilitySeconds, log },
    downloading: new Slots(DOWNLOADED),
    decoding: new Slots(DECODED),
  };
  const consumer = new Consumer({
    queue: pulse.queue(requests, () => life.ready(pulse)),
    handle: async (message, signal, worked) =>
      counts.ended(await pulse.photo(() => handle(message, pipeline, signal, worked))),
    suspects: new Suspects(output, log),
    ...{ pollSeconds, visibilitySeconds, log },
    now: steadyNow,
  });
  const startedAt = steadyNow();
  const state = (): Heartbeat => ({
    v: 1,
    id: host.id,
    state: draining.signal.aborted ? 'draining' : consumer.idleSince === null ? 'busy' : 'idle',
    at: steadyNow(),
    startedAt,
    idleSince: consumer.idleSince,
    processed: consumer.processed,
    busyMs: consumer.busyMs,
    version: VERSION,
  });
  log.info('ready', { instance: host.id, model: models.id, bootMs: startedAt - begunAt });
  const watching = every(DRAIN_CHECK_MS, draining.signal, async () => {
    const reason = await host.drainRequested();
    if (reason !== undefined) leave(reason);
  });
  const alone = config.aws
    ? watchAlone(
        { output, fleet: config.fleet, state, policy: () => leavePolicy(config.scaling), log, leave },
        draining.signal,
      )
    : undefined;
  const ended = new AbortController();
  const working = consumer.run(draining.signal).finally(() => ended.abort());
  await Promise.all([
    working,
    beat({ output, fleet: config.fleet, log, state }, draining.signal, ended.signal),
    watching,
    alone,
  ]);
  await engine.close();
  log.info('goodbye', { instance: host.id, processed: consumer.processed });
  return { exitCode: code, leave: leaving };
}

/** Without a controller nobody knows how long a boot takes. */
function leavePolicy(policy: Policy): LeavePolicy {
  return { ...policy, minRuntimeSeconds: minRuntime(policy.minRuntimeSeconds, Number.POSITIVE_INFINITY) };
}

function requireOwnFaces({ foreignFaces }: Recogniser, model: string): void {
  if (foreignFaces.size === 0) return;
  const found = [...foreignFaces].map(([id, count]) => `${count} by ${id}`).join(', ');
  throw new SetupError(
    `the gallery holds faces embedded by other models (${found}) and this worker runs ${model}. ` +
      'Embeddings of different models cannot be compared: set FACEREC_MODELS to the models that made them, or delete ' +
      'those people and enrol them again.',
  );
}
