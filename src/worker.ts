import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openGallery, openServices } from './adapters/choose.ts';
import { LocalHost } from './adapters/local/host.ts';
import { createLog } from './runtime/log.ts';
import { main } from './runtime/main.ts';
import { listenForShutdown } from './runtime/shutdown.ts';
import { recogniseFiles } from './worker/offline.ts';
import { runWorker } from './worker/service.ts';

await main('worker', 'Takes requests from the queue, names the faces in their photos, stores the results.', [
  {
    name: '',
    about: 'work until SIGTERM, then finish what is in hand',
    async run(config) {
      const stop = listenForShutdown(process.env.FACEREC_LIFELINE);
      const log = createLog({ program: 'worker', level: config.logLevel });
      const services = await openServices(config, log);
      const host = new LocalHost(process.env.FACEREC_INSTANCE_ID ?? `local-${process.pid}`);
      const code = await runWorker(config, services, host, log, stop.signal);
      await services.close();
      await host.leave();
      return code;
    },
  },
  {
    name: 'recognise',
    parameters: 'PHOTO…',
    about:
      'name the faces in files, one JSON result a line; needs no service, knows the people in FACEREC_DATA',
    async run(config, paths) {
      const gallery = existsSync(join(config.dataDirectory, 'gallery'))
        ? await openGallery(config)
        : undefined;
      return recogniseFiles(config, gallery, paths, line => process.stdout.write(line));
    },
  },
]);
