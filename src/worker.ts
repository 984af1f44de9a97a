import { openHost, openLocalGallery, openServices } from './adapters/choose.ts';
import { main } from './runtime/main.ts';
import { progressOnStderr } from './runtime/progressLine.ts';
import { runService } from './runtime/service.ts';

await main('worker', 'Takes requests from the queue, names the faces in their photos, stores the results.', [
  {
    name: '',
    about: 'work until SIGTERM, then finish what is in hand',
    run: (config, _, settings) =>
      runService('worker', settings, async ({ log, stop, life, metrics }) => {
        const { runWorker } = await import('./worker/service.ts');
        const services = await openServices(config, log, stop, metrics.awsCall);
        const host = await openHost(config, log, stop);
        const end = await runWorker(config, services, host, log, stop, life, metrics);
        await services.close();
        if (end.leave) await host.leave();
        return end.exitCode;
      }),
  },
  {
    name: 'recognise',
    parameters: 'PHOTO…',
    files: true,
    about:
      'name the faces in files, one JSON result a line; needs no service, knows the people in FACEREC_DATA',
    examples: [
      ['recognise photo.jpg', 'who is in this photo'],
      ['recognise *.jpg > results.jsonl', 'many photos; the models are loaded once'],
      ['recognise -- -photo.jpg', 'a file whose name begins with a dash'],
    ],
    exits: [[1, 'at least one photo failed; its result says why']],
    async run(config, paths) {
      const { recogniseFiles } = await import('./worker/offline.ts');
      const gallery = await openLocalGallery(config);
      return recogniseFiles(config, gallery, paths, line => process.stdout.write(line));
    },
  },
  {
    name: 'evaluate',
    parameters: 'DIR',
    files: true,
    options: [
      { name: '--far', value: 'RATE', about: 'evaluate: how many strangers may be named, 0.01 unless given' },
      {
        name: '--faces',
        value: 'N',
        about: 'evaluate: size of the gallery; unless given, that of FACEREC_DATA, or of the photos',
      },
      { name: '--strangers', value: 'DIR', about: 'evaluate: photos of one more person each' },
      { name: '--svg', value: 'FILE', about: 'evaluate: draw the curves' },
    ],
    about:
      'measure with labelled photos, one folder a person, how often names are wrong, and what threshold to set',
    examples: [
      [
        'evaluate people --svg curve.svg',
        'rates with confidence intervals, thresholds, what may be mislabelled',
      ],
      ['evaluate people --far 0.001 --faces 5000', 'one stranger in a thousand, in a gallery of that size'],
    ],
    async run(config, words) {
      const { evaluateFolder } = await import('./worker/evaluate.ts');
      const gallery = await openLocalGallery(config);
      const print = (text: string) => process.stdout.write(text);
      return evaluateFolder(config, gallery, words, print, progressOnStderr());
    },
  },
]);
