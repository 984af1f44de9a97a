import { openFleet, openServices } from './adapters/choose.ts';
import { runController } from './controller/service.ts';
import { createLog } from './runtime/log.ts';
import { main } from './runtime/main.ts';
import { SetupError } from './runtime/setup.ts';
import { EXIT, listenForShutdown } from './runtime/shutdown.ts';
import { programs } from './variables.ts';

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
  {
    name: 'doctor',
    optional: '[web] [controller] [worker]',
    about:
      'look at queues, buckets and permissions of the AWS account, changing nothing; of these programs, or of all',
    async run(config, words) {
      if (!config.aws)
        throw new SetupError('FACEREC_BACKEND: the doctor looks at an AWS account; set it to aws');
      const chosen = programs.filter(program => words.includes(program));
      const { examineAccount } = await import('./adapters/aws/examineAccount.ts');
      const print = (line: string) => process.stdout.write(line);
      const fine = await examineAccount(config, config.aws, chosen.length > 0 ? chosen : programs, print);
      return fine ? EXIT.ok : 1;
    },
  },
  {
    name: 'user-data',
    about:
      'print what an instance is told at its first boot (cloud-init), as this controller would launch it',
    async run(config) {
      if (!config.aws) throw new SetupError('FACEREC_BACKEND: user data is for instances of the aws backend');
      const { userData } = await import('./adapters/aws/userData.ts');
      const { workerSettings } = await import('./adapters/aws/workerSettings.ts');
      process.stdout.write(userData(workerSettings(process.env)));
      return EXIT.ok;
    },
  },
]);
