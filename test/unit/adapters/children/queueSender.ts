/** Sends numbered messages, four at a time, and says so on stdout when each is acknowledged, until it is killed. */
import { LocalQueue } from '../../../../src/adapters/local/queue.ts';

const [file = '', name = '', prefix = ''] = process.argv.slice(2);
const queue = new LocalQueue({ file, name, visibilitySeconds: 30 });
let next = 0;

process.stdout.write(`${JSON.stringify({ event: 'ready' })}\n`);
await Promise.all(
  Array.from({ length: 4 }, async () => {
    for (;;) {
      const body = `${prefix}-${next++}`;
      await queue.send(body);
      process.stdout.write(`${JSON.stringify({ event: 'sent', body })}\n`);
      await Bun.sleep(2);
    }
  }),
);
