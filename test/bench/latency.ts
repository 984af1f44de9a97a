/** From post to answer on an idle system, and what the idle system costs. Prints milliseconds and percent of a core. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { known, photoOf } from '../support/cast.ts';
import { enrol, post } from '../support/client.ts';
import { startSystem } from '../support/system.ts';
import { cpuMsOf, quantile } from './measure.ts';

const count = Number(process.argv[2]);
const idleSeconds = Number(process.argv[3]);
const directory = await mkdtemp(join(tmpdir(), 'facerec-bench-'));
const system = await startSystem(directory);
for (const name of known) await enrol(system.url, name, name, { file: 'a.jpg', bytes: await photoOf(name) });
const upload = { file: 'ada.jpg', bytes: await photoOf('ada') };

const all: number[] = [];
const working: number[] = [];
for (let i = 0; i < count + 10; i++) {
  const started = performance.now();
  const answer = await post(new URL('?wait=60', system.url), upload);
  const result = (await answer.json()) as { timings: { total: number } };
  if (i < 10) continue;
  all.push(performance.now() - started);
  working.push(result.timings.total);
}

const pids = [...system.output().matchAll(/"pid":(\d+),"event":"ready"/g)].map(([, pid]) => Number(pid));
const used = () => [system.child.pid, ...pids].reduce((sum, pid) => sum + cpuMsOf(pid), 0);
const before = used();
await Bun.sleep(idleSeconds * 1000);
const idle = (used() - before) / (idleSeconds * 10);
await system.end();
await rm(directory, { recursive: true });
console.log(
  JSON.stringify({ p50: quantile(all, 0.5), p95: quantile(all, 0.95), worker: quantile(working, 0.5), idle }),
);
