import type { Config } from '../config.ts';
import { messageOf } from '../core/errors.ts';
import type { Fleet, Lease, Log, Services } from '../ports.ts';
import { Backoff } from '../runtime/backoff.ts';
import { type Life, noLife } from '../runtime/life.ts';
import { SetupError } from '../runtime/setup.ts';
import { EXIT } from '../runtime/shutdown.ts';
import { every, sleep } from '../runtime/time.ts';
import { DeadLetters } from './deadLetters.ts';
import { compactGallery, expire, GalleryKeeper } from './housekeeping.ts';
import { ControllerPulse } from './pulse.ts';
import { Scaler } from './scale.ts';

const STAND_BY_MS = 1000;

/** Observes, decides and acts once a second until asked to stop. Resolves to the exit code. */
export async function runController(
  config: Config,
  services: Services,
  fleet: Fleet,
  lease: Lease,
  log: Log,
  stop: AbortSignal,
  life: Life = noLife,
): Promise<number> {
  const pulse = new ControllerPulse(life);
  const { requests, responses, deadLetters, input, output } = services;
  const scaler = new Scaler({
    ...{ requests, output, fleet, fleetName: config.fleet, log },
    policy: () => config.scaling,
    holdsBack: config.aws !== undefined,
  });
  const dead = new DeadLetters({ deadLetters, responses, output, log });
  const keeper = new GalleryKeeper(services.gallery, { input, output });
  let letters = 0;
  let acting: boolean | undefined;
  const tasks: readonly Task[] = [
    {
      name: 'decide',
      everyMs: 1000,
      run: () =>
        pulse.round(async () => {
          const round = await scaler.round();
          letters = round.snapshot.depth.dead;
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
      },
    },
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
  const mayAct = async () => {
    const may = await lease.mayAct();
    if (may !== acting) log.info(may ? 'acting' : 'standing-by');
    acting = may;
    pulse.part(may);
    return may;
  };
  log.info('ready', { min: config.scaling.min, max: config.scaling.max });
  await Promise.all(tasks.map(task => repeat(task, mayAct, log, stop)));
  await fleet.close();
  await lease.release();
  return EXIT.ok;
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
      if (!backoff.failing) log.error('task-error', { task: task.name, error: messageOf(error) });
      await sleep(backoff.next(), stop);
    }
  });
}
