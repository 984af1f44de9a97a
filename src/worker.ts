import { openHost, openLocalGallery, openServices } from './adapters/choose.ts';
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
      const host = await openHost(config, log);
      const end = await runWorker(config, services, host, log, stop.signal);
      await services.close();
      if (end.leave) await host.leave();
      return end.exitCode;
    },
  },
  {
    name: 'recognise',
    parameters: 'PHOTO…',
    about:
      'name the faces in files, one JSON result a line; needs no service, knows the people in FACEREC_DATA',
    async run(config, paths) {
      const gallery = await openLocalGallery(config);
      return recogniseFiles(config, gallery, paths, line => process.stdout.write(line));
    },
  },
]);
