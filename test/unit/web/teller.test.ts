import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { LocalQueue } from '../../../src/adapters/local/queue.ts';
import { acceptedKey, isToBeTold, parseAccepted } from '../../../src/core/accepted.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { Teller } from '../../../src/web/teller.ts';
import { temporaryDirectory, until } from '../../support/temporary.ts';
import { wrapBlobs } from '../../support/wrap.ts';

test('some photos are told at once, few after a moment, none only now and then', () => {
  expect([0, 1, 4, 5].map(more => isToBeTold(more, 1))).toEqual([false, false, false, true]);
  expect(isToBeTold(500, 0.9)).toBe(false);
  expect([0, 1].map(more => isToBeTold(more, 5))).toEqual([false, true]);
  expect([500, 600].map(seconds => isToBeTold(0, seconds))).toEqual([false, true]);
});

test('what is sent is told, what could not be sent is not, and the end takes it back', async () => {
  const directory = temporaryDirectory();
  const output = await LocalBlobs.open(join(directory, 'out'));
  const queue = new LocalQueue({ file: join(directory, 'q.sqlite'), name: 'q', visibilitySeconds: 30 });
  const teller = new Teller({ output, fleet: 'f', log: silentLog });
  const requests = teller.counting(queue);
  const stop = new AbortController();
  const run = teller.run('host-8000', stop.signal);
  const told = async () => {
    const stored = await output.get(acceptedKey('f', 'host-8000'));
    return stored && parseAccepted(stored.body)?.count;
  };
  await until(async () => (await told()) === 0, 'a first telling');
  for (let i = 0; i < 6; i++) await requests.send(`${i}`);
  expect((await requests.depth()).visible).toBe(6);
  await until(async () => (await told()) === 6, 'six to be told');
  await queue.close();
  await expect(requests.send('after the end')).rejects.toThrow();
  for (let i = 0; i < 5; i++) await requests.send('x').catch(() => {});
  stop.abort();
  await run;
  expect(await told()).toBeUndefined();
}, 60_000);

test('what could not be written is told later', async () => {
  const store = await LocalBlobs.open(join(temporaryDirectory(), 'out'));
  let broken = true;
  const output = wrapBlobs(store, {
    put: (...args) => (broken ? Promise.reject(new Error('503')) : store.put(...args)),
  });
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (event: string) => warnings.push(event) };
  const teller = new Teller({ output, fleet: 'f', log });
  const queue = { send: async () => {} } as unknown as Parameters<Teller['counting']>[0];
  const requests = teller.counting(queue);
  const stop = new AbortController();
  const run = teller.run('a', stop.signal);
  for (let i = 0; i < 9; i++) await requests.send('x');
  await until(() => warnings.length > 0, 'a warning');
  broken = false;
  await until(async () => {
    const stored = await store.get(acceptedKey('f', 'a'));
    return stored !== undefined && parseAccepted(stored.body)?.count === 9;
  }, 'nine to be told');
  stop.abort();
  await run;
  expect(warnings).toHaveLength(1);
}, 60_000);
