import type { Config } from '../config.ts';
import { messageOf } from '../core/errors.ts';
import { decide } from '../core/scaling.ts';
import type { Fleet, Log, Services } from '../ports.ts';
import { Backoff } from '../runtime/backoff.ts';
import { EXIT } from '../runtime/shutdown.ts';
import { every, sleep } from '../runtime/time.ts';
import { act } from './act.ts';
import { DeadLetters } from './deadLetters.ts';
import { compactGallery, expire, GalleryKeeper } from './housekeeping.ts';
import { Observer } from './observe.ts';

const DECIDE_EVERY_MS = 1000;
const DEAD_LETTERS_EVERY_MS = 2000;
const COMPACT_EVERY_MS = 5000;
const EXPIRE_EVERY_MS = 3_600_000;

/** Observes, decides and acts once a second until asked to stop. Resolves to the exit code. */
export async function runController(
  config: Config,
  services: Services,
  fleet: Fleet,
  log: Log,
  stop: AbortSignal,
): Promise<number> {
  const { requests, responses, deadLetters, input, output } = services;
  const observer = new Observer({ requests, output, fleet });
  const dead = new DeadLetters({ deadLetters, responses, output, log });
  const keeper = new GalleryKeeper(services.gallery, { input, output });
  let letters = 0;
  log.info('ready', { min: config.scaling.min, max: config.scaling.max });
  await Promise.all([
    loop('decide', DECIDE_EVERY_MS, log, stop, async () => {
      const snapshot = await observer.snapshot();
      await act(decide(snapshot, config.scaling, Date.now()), fleet, log);
      letters = snapshot.depth.dead;
    }),
    loop('dead-letters', DEAD_LETTERS_EVERY_MS, log, stop, () => dead.answer(letters, stop)),
    loop('compact', COMPACT_EVERY_MS, log, stop, async () => {
      await keeper.erasePhotos();
      await compactGallery(keeper.store, log, Date.now());
    }),
    loop('expire', EXPIRE_EVERY_MS, log, stop, async () => {
      const photos = await expire(input, config.photoDays, Date.now());
      const results = await expire(output, config.resultDays, Date.now());
      if (photos + results > 0) log.info('expired', { photos, results });
    }),
  ]);
  await fleet.close();
  return EXIT.ok;
}

/** Repeats a task for ever; what fails is logged once and tried again after growing pauses. */
async function loop(
  name: string,
  ms: number,
  log: Log,
  stop: AbortSignal,
  task: () => Promise<void>,
): Promise<void> {
  const backoff = new Backoff(ms, 30_000);
  await every(ms, stop, async () => {
    try {
      await task();
      if (backoff.failing) log.info('task-back', { task: name });
      backoff.reset();
    } catch (error) {
      if (!backoff.failing) log.error('task-error', { task: name, error: messageOf(error) });
      await sleep(backoff.next(), stop);
    }
  });
}
