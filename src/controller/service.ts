import type { Config } from '../config.ts';
import { messageOf } from '../core/errors.ts';
import { ResultEraser } from '../gallery/resultEraser.ts';
import type { Fleet, Lease, Log, Services } from '../ports.ts';
import { Backoff } from '../runtime/backoff.ts';
import { type Life, noLife } from '../runtime/life.ts';
import { Metrics } from '../runtime/metrics.ts';
import { SetupError } from '../runtime/setup.ts';
import { EXIT } from '../runtime/shutdown.ts';
import { aborted, every, sleep } from '../runtime/time.ts';
import { Deliverer } from '../webhooks/deliverer.ts';
import { DeadLetters } from './deadLetters.ts';
import { compactGallery, expire, GalleryKeeper } from './housekeeping.ts';
import { ControllerMetrics } from './metrics.ts';
import { ControllerPulse } from './pulse.ts';
import { Scaler } from './scale.ts';
import { FleetStatusWriter } from './status.ts';

const STAND_BY_MS = 1000;
const LEAVE_BEHIND_MS = 3000;

/** Observes, decides and acts once a second until asked to stop. Resolves to the exit code. */
export async function runController(
  config: Config,
  services: Services,
  fleet: Fleet,
  lease: Lease,
  log: Log,
  stop: AbortSignal,
  life: Life = noLife,
  metrics = new Metrics('controller'),
): Promise<number> {
  const pulse = new ControllerPulse(life);
  const { requests, responses, deadLetters, input, output } = services;
  const scaler = new Scaler({
    ...{ requests, output, fleet, fleetName: config.fleet, log },
    policy: () => config.scaling,
    rule: () => config.scalingRule,
    holdsBack: config.aws !== undefined,
  });
  const dead = new DeadLetters({ deadLetters, responses, output, log });
  const keeper = new GalleryKeeper(services.gallery, { input, output });
  const eraser = new ResultEraser({
    ...{ gallery: services.gallery, output, log },
    removals: () => keeper.store.gallery.removals(),
  });
  const webhooks = new Deliverer({
    ...{ gallery: services.gallery, output, log, signal: stop },
    privateAllowed: config.webhooksToPrivate,
    removals: () => keeper.store.gallery.removals(),
  });
  const status = new FleetStatusWriter({ output, fleetName: config.fleet });
  let letters = 0;
  let acting: boolean | undefined;
  const tasks: readonly Task[] = [
    {
      name: 'decide',
      everyMs: 1000,
      run: () =>
        pulse.round(async () => {
          const begun = performance.now();
          const round = await scaler.round();
          counts.round(round, config.scaling, performance.now() - begun);
          letters = round.snapshot.depth.dead;
          status.note(round, config.scaling, fleet.now());
          return round;
        }),
    },
    { name: 'dead-letters', everyMs: 2000, run: () => dead.answer(letters, stop) },
    {
      name: 'compact',
      everyMs: 5000,
      async run() {
        await keeper.store.refresh();
        await keeper.erasePhotos();
        await compactGallery(keeper.store, log, Date.now());
        await eraser.round();
      },
    },
    { name: 'status', everyMs: 1000, run: () => status.write() },
    { name: 'webhooks', everyMs: 1000, run: () => webhooks.round() },
    {
      name: 'expire',
      everyMs: 3_600_000,
      async run() {
        // Buckets expire by their own lifecycle rules.
        if (config.aws) return;
        const photos = await expire(input, config.photoDays, Date.now());
        const results = await expire(output, config.resultDays, Date.now());
        if (photos + results > 0) log.info('expired', { photos, results });
      },
    },
  ];
  const counts = new ControllerMetrics(
    metrics,
    tasks.map(({ name }) => name),
  );
  const mayAct = async () => {
    const may = await lease.mayAct();
    counts.part(may);
    if (may !== acting) log.info(may ? 'acting' : 'standing-by');
    acting = may;
    pulse.part(may);
    return may;
  };
  log.info('ready', { min: config.scaling.min, max: config.scaling.max });
  const ended = await endOf(Promise.all(tasks.map(task => repeat(task, mayAct, log, stop, counts))), stop);
  await fleet.close();
  // The program's end ends its calls as well; until then, what they ask for may still come about.
  if (ended) await lease.release();
  else log.warn('calls-left-behind', { lease: 'free when it is stale' });
  return EXIT.ok;
}

/** Whether the work has ended: when asked to stop, it is waited for only so long, as AWS may not answer. */
function endOf(work: Promise<unknown>, stop: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    work.then(() => resolve(true), reject).finally(() => over.abort());
    void aborted(stop)
      .then(() => sleep(LEAVE_BEHIND_MS, over.signal))
      .then(() => resolve(false));
  });
}

interface Task {
  readonly name: string;
  readonly everyMs: number;
  run(): Promise<void>;
}

/**
 * Repeats a task until asked to stop, while this controller may act. What fails is logged once and tried again after
 * growing pauses; only a fault of set-up ends the program.
 */
async function repeat(
  task: Task,
  mayAct: () => Promise<boolean>,
  log: Log,
  stop: AbortSignal,
  counts: ControllerMetrics,
): Promise<void> {
  const backoff = new Backoff(Math.min(task.everyMs, 30_000), 30_000);
  await every(task.everyMs, stop, async () => {
    try {
      // Another controller's work is not ours; look again soon, however seldom the task is due.
      while (!(await mayAct())) {
        await sleep(STAND_BY_MS, stop);
        if (stop.aborted) return;
      }
      await task.run();
      if (backoff.failing) log.info('task-back', { task: task.name });
      backoff.reset();
    } catch (error) {
      if (error instanceof SetupError) throw error;
      counts.failed(task.name);
      if (!backoff.failing) log.error('task-error', { task: task.name, error: messageOf(error) });
      await sleep(backoff.next(), stop);
    }
  });
}
