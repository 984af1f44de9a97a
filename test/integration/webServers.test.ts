import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { LocalBlobs } from '../../src/adapters/local/blobs.ts';
import { parseAccepted } from '../../src/core/accepted.ts';
import { startAwsSystem } from '../support/awsSystem.ts';
import { photoOf } from '../support/cast.ts';
import { multipart, post } from '../support/client.ts';
import { run, startSystem } from '../support/system.ts';
import { temporaryDirectory, until } from '../support/temporary.ts';

const PHOTOS = 16;

/** Ids of the results that a server's feed tells of, and a way to stop listening. */
async function listen(server: URL) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = new AbortController();
  const response = await fetch(new URL('events', server), { signal: stop.signal });
  const told: string[] = [];
  const reading = (async () => {
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        if (event.startsWith('event: queue')) resolve();
        const [, id] = /^event: result\n(?:.*\n)*data: \{"id":"([^"]+)"/.exec(event) ?? [];
        if (id !== undefined) told.push(id);
      }
    }
  })().catch(() => {});
  await promise;
  return {
    told,
    end: () => {
      stop.abort();
      return reading;
    },
  };
}

/** Photos are sent to either server and waited for at both; whichever takes the completions, both tell of all. */
async function twoServers([one, other]: readonly [URL, URL]) {
  const bytes = await photoOf('ada');
  expect((await post(new URL('?wait=100', one), { file: 'first.jpg', bytes })).status).toBe(200);
  const feeds = await Promise.all([one, other].map(listen));
  const lateness: number[] = [];
  const ids: string[] = [];
  for (let i = 0; i < PHOTOS; i++) {
    const [to, asked] = i % 2 ? [one, other] : [other, one];
    const { body, type } = multipart({ file: `${i}.jpg`, bytes });
    const queued = await fetch(to, { method: 'POST', body, headers: { 'content-type': type } });
    const { id } = (await queued.json()) as { id: string };
    ids.push(id);
    const start = performance.now();
    const answers = await Promise.all(
      [to, asked].map(server => fetch(new URL(`results/${id}?wait=100`, server))),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    lateness.push(performance.now() - start);
  }
  const sorted = ids.toSorted();
  for (const { told } of feeds)
    await until(() => sorted.every(id => told.includes(id)), 'the feed tells of all results', 60_000);
  for (const { told, end } of feeds) {
    expect(told.toSorted()).toEqual(sorted);
    await end();
  }
  return { lateness };
}

test('two web servers on one directory: either answers and tells of what the other one took', async () => {
  const directory = temporaryDirectory();
  const first = await startSystem(directory);
  const second = run('src/web.ts', { FACEREC_DATA: directory, FACEREC_PORT: '0' });
  const [, url] = await second.said(/facerec-web listens on (\S+)/);
  const { lateness } = await twoServers([first.url, new URL(url!)]);
  if (process.env.SHOW) console.log('local', lateness.map(Math.round).join(' '));
  const output = await LocalBlobs.open(join(directory, 'output'));
  const counts = async () => {
    const told = (await output.list('fleet/facerec/web/')).map(({ key }) => output.get(key));
    return (await Promise.all(told)).map(stored => parseAccepted(stored!.body)!.count).sort((a, b) => a - b);
  };
  await until(
    async () => (await counts()).join() === `${PHOTOS / 2},${PHOTOS / 2 + 1}`,
    'both tell their own',
  );
  expect(await second.end()).toBe(0);
  expect(await first.end()).toBe(0);
  expect(await counts()).toEqual([]);
}, 300_000);

test('two web servers on AWS: either answers and tells of what the other one took', async () => {
  const system = await startAwsSystem({
    settings: { FACEREC_MIN_INSTANCES: '1', FACEREC_MAX_INSTANCES: '1' },
  });
  const second = system.command('web', []);
  const [, url] = await second.said(/facerec-web listens on (\S+)/);
  const { lateness } = await twoServers([system.url, new URL(url!)]);
  if (process.env.SHOW) console.log('aws', lateness.map(Math.round).join(' '));
  expect(await second.end()).toBe(0);
  await system.stop();
}, 300_000);
