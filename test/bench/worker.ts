/** A worker process over the local backend, its queue filled beforehand. Prints ms a photo and its peak memory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openServices } from '../../src/adapters/choose.ts';
import { readConfig } from '../../src/config.ts';
import { encodeMessage, inputKey, type Request } from '../../src/core/messages.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { portrait, portraitNames } from '../support/photos.ts';
import { run } from '../support/system.ts';
import { cpuMsOf, peakMiB } from './measure.ts';
import { largePhoto } from './photos.ts';

const count = Number(process.argv[2]);
const large = process.argv[3] === 'large';
const directory = await mkdtemp(join(tmpdir(), 'facerec-bench-'));
const settings = { FACEREC_DATA: directory, FACEREC_LOG_LEVEL: 'info' };
const services = await openServices(readConfig(settings), silentLog);
const photos = await Promise.all(portraitNames.map(large ? largePhoto : portrait));

async function fill(n: number): Promise<void> {
  await Promise.all(
    Array.from({ length: n }, async (_, i) => {
      const request: Request = { v: 1, kind: 'recognise', id: Bun.randomUUIDv7(), file: 'photo.jpg' };
      await services.input.put(inputKey(request), photos[i % photos.length]!);
      await services.requests.send(encodeMessage(request));
    }),
  );
}
async function drained(left: number): Promise<void> {
  for (;;) {
    const { visible, inFlight } = await services.requests.depth();
    if (visible + inFlight <= left) return;
    await Bun.sleep(2);
  }
}

const warmUp = large ? 5 : 30;
await fill(count + warmUp);
const worker = run('src/worker.ts', settings);
await worker.said(/"event":"ready"/);
await drained(count);
const [wall, cpu] = [performance.now(), cpuMsOf(worker.child.pid)];
await drained(0);
const result = {
  wall: (performance.now() - wall) / count,
  cpu: (cpuMsOf(worker.child.pid) - cpu) / count,
  peak: peakMiB(worker.child.pid),
};
await worker.end();
await services.close();
await rm(directory, { recursive: true });
console.log(JSON.stringify(result));
