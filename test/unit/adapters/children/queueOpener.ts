/** Opens new files `<prefix><n>` one after the other, each at an agreed time; says `opened` for each. */
import { LocalQueue } from '../../../../src/adapters/local/queue.ts';

const [prefix, begin, rounds] = process.argv.slice(2) as [string, string, string];
for (let i = 0; i < Number(rounds); i++) {
  const at = Number(begin) + 40 * i;
  while (Date.now() < at) Bun.sleepSync(1);
  const queue = new LocalQueue({ file: `${prefix}${i}`, name: 'q', visibilitySeconds: 30 });
  console.log('opened');
  await queue.close();
}
