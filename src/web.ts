import { openServices } from './adapters/choose.ts';
import { createLog } from './runtime/log.ts';
import { main } from './runtime/main.ts';
import { listenForShutdown } from './runtime/shutdown.ts';
import { runWeb } from './web/service.ts';

await main('web', 'Takes photos over HTTP, answers with the names of the faces, keeps the people.', [
  {
    name: '',
    about: 'serve until SIGTERM, then finish the requests under way',
    async run(config) {
      const stop = listenForShutdown(process.env.FACEREC_LIFELINE);
      const log = createLog({ program: 'web', level: config.logLevel });
      const services = await openServices(config, log);
      const announce = (url: URL) => process.stdout.write(`facerec-web listens on ${url.href}\n`);
      const code = await runWeb(config, services, log, stop.signal, announce);
      await services.close();
      return code;
    },
  },
]);
