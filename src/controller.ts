import { openFleet, openFleetView, openServices } from './adapters/choose.ts';
import { createLog } from './runtime/log.ts';
import { main } from './runtime/main.ts';
import { runService } from './runtime/service.ts';
import { environmentElsewhere } from './runtime/settings.ts';
import { SetupError } from './runtime/setup.ts';
import { EXIT } from './runtime/shutdown.ts';
import { described } from './simulate/options.ts';
import { programs } from './variables.ts';

await main('controller', 'Grows and shrinks the fleet of workers with the queue.', [
  {
    name: '',
    about: 'observe, decide and act once a second until SIGTERM',
    run: (config, _, settings) =>
      runService('controller', settings, async ({ log, stop, life, metrics, onReload }) => {
        const { runController } = await import('./controller/service.ts');
        const services = await openServices(config, log, stop, metrics.awsCall);
        const { fleet, lease, reload } = await openFleet(config, services, log, stop, metrics.awsCall);
        onReload(reload);
        const code = await runController(config, services, fleet, lease, log, stop, life, metrics);
        await services.close();
        return code;
      }),
  },
  {
    name: 'plan',
    options: [{ name: '--json', about: 'one JSON object, for programs' }],
    about: 'look once at queue and fleet, print what would be decided and why, and do nothing',
    examples: [['plan', 'also beside a running controller']],
    async run(config, words) {
      const { plan, planJson, planText } = await import('./controller/plan.ts');
      const log = createLog({ program: 'controller', level: 'warn' });
      const services = await openServices(config, log);
      const fleet = await openFleetView(config, services, log);
      const { requests, output } = services;
      const seen = { requests, output, fleet, fleetName: config.fleet };
      const planned = await plan(seen, config.scalingRule, config.scaling);
      await services.close();
      await Bun.write(Bun.stdout, words.includes('--json') ? planJson(planned) : planText(planned));
      return EXIT.ok;
    },
  },
  {
    name: 'simulate',
    files: true,
    options: described.options,
    optionsAside: true,
    more: [
      ['Traces', described.traces],
      ['Policies', described.policies],
    ],
    about:
      'play arrivals against a scaling policy: what it would have cost, and how long messages would have waited',
    examples: [
      [
        'simulate --csv monday.csv --max 30 --messages-per-instance 2 --service 0.4 --plot monday.svg',
        'what would these limits do to my Mondays?',
      ],
      ['simulate --trace onoffL --compare --runs 5', 'all policies, side by side'],
    ],
    exits: [
      [66, 'a file that cannot be read'],
      [73, 'a plot that cannot be written'],
    ],
    async run(_, words) {
      const { simulateCommand } = await import('./simulate/command.ts');
      return simulateCommand(words);
    },
  },
  {
    name: 'doctor',
    optional: '[web] [controller] [worker]',
    choices: programs,
    about:
      'look at queues, buckets and permissions of the AWS account, changing nothing; of these programs, or of all',
    examples: [
      ['doctor', 'what this account lacks for the whole service'],
      ['doctor worker', 'for workers alone, with the permissions of one'],
    ],
    exits: [[1, 'something is to be mended in the account']],
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
    examples: [['user-data > user-data.yaml', 'to start a worker by hand']],
    async run(config) {
      if (!config.aws) throw new SetupError('FACEREC_BACKEND: user data is for instances of the aws backend');
      const { userData } = await import('./adapters/aws/userData.ts');
      const { workerSettings } = await import('./adapters/aws/workerSettings.ts');
      process.stdout.write(userData(workerSettings(environmentElsewhere(config))));
      return EXIT.ok;
    },
  },
]);
