import { afterAll, beforeAll, setDefaultTimeout } from 'bun:test';
import { SqsQueue } from '../../src/adapters/aws/queue.ts';
import { type Fauxqs, startFauxqs } from '../support/fauxqs.ts';
import { queueContract } from './queue.ts';

// Visibility timeouts are waited for.
setDefaultTimeout(60_000);

let server: Fauxqs;
let made = 0;
beforeAll(async () => {
  server = await startFauxqs();
});
afterAll(() => server.stop());

queueContract('SqsQueue', {
  async make() {
    const visibilitySeconds = 1;
    const number = made++;
    const url = await server.queue(`plain-${number}`, { visibilitySeconds });
    const deadLettersUrl = await server.queue(`dead-letters-${number}`, { visibilitySeconds });
    const redrivingUrl = await server.queue(`redriving-${number}`, {
      visibilitySeconds,
      redrive: { url: deadLettersUrl, maxReceives: 3 },
    });
    const common = { clients: server.sqs, deadLettersAgeMs: 0 };
    const queue = new SqsQueue({ ...common, url });
    const redriving = new SqsQueue({ ...common, url: redrivingUrl, deadLettersUrl });
    const deadLetters = new SqsQueue({ ...common, url: deadLettersUrl });
    return {
      queue,
      redriving,
      deadLetters,
      visibilitySeconds,
      advance: seconds => Bun.sleep(seconds * 1_000),
      async close() {
        await Promise.all([queue, redriving, deadLetters].map(each => each.close()));
      },
    };
  },
  gaps: [
    // fauxqs 2.4.1 refuses them in bodies; SQS takes them.
    'astral characters',
    // fauxqs counts them as in flight until somebody polls.
    'counts lapsed messages as visible',
  ],
});
