import { hostname } from 'node:os';
import type { Config } from '../config.ts';
import { messageOf } from '../core/errors.ts';
import { GalleryDoubts } from '../gallery/doubts.ts';
import { GalleryStore } from '../gallery/store.ts';
import type { Log, Services } from '../ports.ts';
import { type Life, noLife } from '../runtime/life.ts';
import { Metrics } from '../runtime/metrics.ts';
import { SetupError } from '../runtime/setup.ts';
import { EXIT } from '../runtime/shutdown.ts';
import { setTimer, sleep } from '../runtime/time.ts';
import { VERSION } from '../runtime/version.ts';
import { Noticing } from '../webhooks/noticing.ts';
import { openAccess } from './access/open.ts';
import { createApp } from './app.ts';
import { consumeCompletions } from './completions.ts';
import { Events } from './events.ts';
import { WebMetrics } from './metrics.ts';
import { readyWhenReachable } from './pulse.ts';
import { type ServeOptions, serve, type WebServer } from './serve.ts';
import { Teller } from './teller.ts';
import { Waiting } from './waiting.ts';

/** Serves until asked to stop, then lets running requests finish. Resolves to the exit code. */
export async function runWeb(
  config: Config,
  services: Services,
  log: Log,
  stop: AbortSignal,
  announce: (url: URL) => void,
  life: Life = noLife,
  metrics = new Metrics('web'),
): Promise<number> {
  const { responses, deadLetters, input, output, gallery } = services;
  const { reply, maxUploadBytes, maxBatchBytes, webhooksToPrivate, port, pollSeconds } = config;
  const teller = new Teller({ output, fleet: config.fleet, log });
  const requests = teller.counting(services.requests);
  const people = new GalleryStore({
    blobs: gallery,
    onDamaged: (segment, error) => log.error('gallery-damaged', { segment, error: messageOf(error) }),
  });
  const doubts = new GalleryDoubts(gallery);
  const { access, host } = await openAccess(config, gallery, log);
  const waiting = new Waiting({ output });
  const counts = new WebMetrics({ metrics, requests, waiting: () => waiting.size });
  const events = new Events({
    ...{ requests, output, fleet: config.fleet },
    ...{ now: Date.now, setTimer, newId: Bun.randomUUIDv7 },
  });
  const options = {
    ...{ reply, maxUploadBytes, maxBatchBytes, webhooksToPrivate, version: VERSION },
    get resultDays() {
      return config.resultDays;
    },
  };
  const server = await listening({
    app: keepOpen =>
      createApp({
        ...{ requests, responses, deadLetters, input, output, gallery, people, waiting, events, log, access },
        ...{ options, keepOpen },
        doubts: person => doubts.of(person),
        metrics: counts,
      }),
    host,
    port,
  });
  announce(server.url);
  log.info('ready', { url: server.url.href });
  const signs = { url: server.url, waiting: () => waiting.size, stopping: () => stop.aborted };
  if (life !== noLife) void readyWhenReachable(life, signs, stop);
  const telling = teller.run(`${hostname()}-${server.url.port || 80}`, stop);
  const noticing = new Noticing({ gallery, output });
  const told = {
    completed: (id: string) => {
      waiting.completed(id);
      events.completed(id);
    },
  };
  await consumeCompletions({
    responses,
    waiting: told,
    noticing,
    log,
    waitSeconds: pollSeconds,
    signal: stop,
  });
  log.info('stopping', { reason: String(stop.reason) });
  const stopped = server.stop();
  waiting.close();
  events.close();
  await Promise.all([stopped, telling]);
  log.info('goodbye');
  return EXIT.ok;
}

/** For a predecessor that is still closing its port. */
const PORT_TRIES = 8;
const PORT_PAUSE_MS = 250;

async function listening(options: ServeOptions): Promise<WebServer> {
  const { host, port } = options;
  for (let left = PORT_TRIES; ; left--) {
    try {
      return serve(options);
    } catch (error) {
      const taken = (error as { code?: unknown }).code === 'EADDRINUSE';
      if (taken && left > 0) {
        await sleep(PORT_PAUSE_MS);
        continue;
      }
      throw new SetupError(
        taken
          ? `FACEREC_PORT: port ${port} of ${host} is in use. Stop the other program, or choose another port`
          : `FACEREC_HOST, FACEREC_PORT: cannot listen on port ${port} of ${host}: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }
}
