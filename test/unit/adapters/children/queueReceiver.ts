/**
 * Takes messages from a queue and reports each step as a line of JSON on stdout, until it is killed. A message that it
 * has taken it holds for a moment, then deletes; sometimes it gives it back instead.
 */
import { LocalQueue } from '../../../../src/adapters/local/queue.ts';

const [file = '', name = '', visibilitySeconds = ''] = process.argv.slice(2);
const queue = new LocalQueue({ file, name, visibilitySeconds: Number(visibilitySeconds) });
const report = (event: string, fields: object = {}): void => {
  process.stdout.write(
    `${JSON.stringify({ event, at: performance.timeOrigin + performance.now(), ...fields })}\n`,
  );
};

report('ready');
for (;;) {
  const started = performance.timeOrigin + performance.now();
  const messages = await queue.receive({ max: 3, waitSeconds: 20 });
  for (const { body, receipt, receiveCount } of messages)
    report('taken', { body, started, receipt, receiveCount });
  await Bun.sleep(Math.random() * 4);
  await Promise.all(
    messages.map(async ({ body, receipt }) => {
      if (Math.random() < 0.1) {
        report('releasing', { body, receipt });
        await queue.release(receipt);
        return;
      }
      report('deleting', { body, receipt });
      await queue.delete(receipt);
      report('deleted', { body, receipt });
    }),
  );
}
