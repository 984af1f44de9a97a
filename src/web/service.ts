import type { Config } from '../config.ts';
import { GalleryStore } from '../gallery/store.ts';
import type { Log, Services } from '../ports.ts';
import { EXIT } from '../runtime/shutdown.ts';
import { VERSION } from '../runtime/version.ts';
import { createApp } from './app.ts';
import { consumeCompletions } from './completions.ts';
import { serve } from './serve.ts';
import { Waiting } from './waiting.ts';

/** Serves until asked to stop, then lets running requests finish. Resolves to the exit code. */
export async function runWeb(
  config: Config,
  services: Services,
  log: Log,
  stop: AbortSignal,
  announce: (url: URL) => void,
): Promise<number> {
  const { requests, responses, input, output, gallery } = services;
  const { reply, maxUploadBytes, resultDays, host, port, pollSeconds } = config;
  const people = new GalleryStore({ blobs: gallery, keepEmbeddings: false });
  const waiting = new Waiting({ output });
  const options = { reply, maxUploadBytes, resultDays, version: VERSION };
  const server = serve({
    app: keepOpen =>
      createApp({ requests, responses, input, output, people, waiting, log, options, keepOpen }),
    host,
    port,
  });
  announce(server.url);
  log.info('ready', { url: server.url.href });
  await consumeCompletions({ responses, waiting, log, waitSeconds: pollSeconds, signal: stop });
  log.info('stopping', { reason: String(stop.reason) });
  const stopped = server.stop();
  waiting.close();
  await stopped;
  log.info('goodbye');
  return EXIT.ok;
}
