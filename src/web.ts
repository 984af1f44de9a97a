import { openServices } from './adapters/choose.ts';
import { main } from './runtime/main.ts';
import { progressOnStderr } from './runtime/progressLine.ts';
import { runService } from './runtime/service.ts';

await main('web', 'Takes photos over HTTP, answers with the names of the faces, keeps the people.', [
  {
    name: '',
    about: 'serve until SIGTERM, then finish the requests under way',
    run: (config, _, settings) =>
      runService('web', settings, async ({ log, stop, life, metrics }) => {
        const { runWeb } = await import('./web/service.ts');
        const services = await openServices(config, log, stop, metrics.awsCall);
        const announce = (url: URL) => process.stdout.write(`facerec-web listens on ${url.href}\n`);
        const code = await runWeb(config, services, log, stop, announce, life, metrics);
        await services.close();
        return code;
      }),
  },
  {
    name: 'keys',
    parameters: 'create|list|revoke',
    optional: '[ID]',
    options: [
      { name: '--name', value: 'NAME', about: 'create: whose key it is' },
      {
        name: '--scope',
        value: 'SCOPES',
        about: 'create: recognise, people, metrics, admin (everything); several with commas',
      },
      {
        name: '--expires',
        value: 'DAYS',
        about: 'create: good for so long, such as 90d; without it, for good',
      },
    ],
    about: 'make, show and revoke API keys; with the first one, the server is no longer open',
    examples: [
      ['keys create --name camera --scope recognise', 'print a new key, which is stored as a hash only'],
      ['keys list', 'ids, scopes and names of the keys'],
      ['keys revoke 0123456789ab', 'servers refuse the key within seconds'],
    ],
    exits: [[1, 'there is no such key to revoke']],
    async run(config, words) {
      const { runKeysCommand } = await import('./web/access/commands.ts');
      const { createLog } = await import('./runtime/log.ts');
      const services = await openServices(
        config,
        createLog({ program: 'web', level: () => config.logLevel }),
      );
      const print = (text: string) => process.stdout.write(text);
      const code = await runKeysCommand(services.gallery, words, print);
      await services.close();
      return code;
    },
  },
  {
    name: 'import',
    parameters: 'DIR',
    files: true,
    options: [
      {
        name: '--server',
        value: 'URL',
        about: 'import: where facerec-web runs, http://127.0.0.1:FACEREC_PORT unless given',
      },
      { name: '--key-file', value: 'FILE', about: 'import: file with an API key of scope people' },
    ],
    about:
      'enrol a folder with one folder of photos a person through a running server; run again, it goes on where it was',
    examples: [
      [
        'import staff --server https://faces.example.org',
        'photos that are refused are listed with the reason',
      ],
    ],
    exits: [[1, 'at least one photo was refused; the list says why']],
    async run(config, words) {
      const { runImport } = await import('./web/import.ts');
      const print = (text: string) => process.stdout.write(text);
      return runImport(words, config.port, print, progressOnStderr());
    },
  },
]);
