import { openFleet, openServices } from './adapters/choose.ts';
import { runController } from './controller/service.ts';
import { createLog } from './runtime/log.ts';
import { main } from './runtime/main.ts';
import { listenForShutdown } from './runtime/shutdown.ts';

await main('controller', 'Grows and shrinks the fleet of workers with the queue.', [
  {
    name: '',
    about: 'observe, decide and act once a second until SIGTERM',
    async run(config) {
      const stop = listenForShutdown(process.env.FACEREC_LIFELINE);
      const log = createLog({ program: 'controller', level: config.logLevel });
      const services = await openServices(config, log);
      const { fleet, lease } = await openFleet(config, services, log);
      const code = await runController(config, services, fleet, lease, log, stop.signal);
      await services.close();
      return code;
    },
  },
]);
