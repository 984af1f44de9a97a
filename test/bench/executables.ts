/**
 * What the executables cost, next to an empty program compiled in the same way: start, first result, memory. Run with a
 * number of photos; prints one JSON object.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openServices } from '../../src/adapters/choose.ts';
import { readConfig } from '../../src/config.ts';
import { encodeMessage, inputKey, type Request } from '../../src/core/messages.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { programs } from '../../src/variables.ts';
import { executable } from '../executable/build.ts';
import { portrait, portraitNames, portraits } from '../support/photos.ts';
import { start } from '../support/system.ts';
import { median, residentMiB } from './measure.ts';

const photos = Number(process.argv[2]);
const STARTS = 15;
const directory = mkdtempSync(join(tmpdir(), 'facerec-bench-'));

interface Cost {
  /** Milliseconds. */
  readonly wall: number;
  /** Milliseconds of processor time, user and system. */
  readonly cpu: number;
}

/** Medians over some starts of a program that ends by itself. */
function ended(command: readonly string[], env: Record<string, string> = {}, starts = STARTS): Cost {
  const costs = Array.from({ length: starts }, () => {
    const before = performance.now();
    const { exitCode, resourceUsage, stderr } = Bun.spawnSync([...command], { env, cwd: '/' });
    const wall = performance.now() - before;
    if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
    const { user, system } = resourceUsage.cpuTime;
    return { wall, cpu: Number(user + system) / 1000 };
  });
  return { wall: median(costs.map(cost => cost.wall)), cpu: median(costs.map(cost => cost.cpu)) };
}

async function empty(): Promise<string> {
  const source = join(directory, 'empty.ts');
  await Bun.write(source, `console.log('0.0.0');`);
  const outfile = join(directory, 'empty');
  await Bun.build({
    entrypoints: [source],
    target: 'bun',
    minify: true,
    bytecode: true,
    format: 'esm',
    compile: { outfile },
  });
  return outfile;
}

/** Milliseconds from the start to the line that says that web listens, and its memory when it has nothing to do. */
async function web(): Promise<{ ready: number; idle: number }> {
  const ready: number[] = [];
  let idle = 0;
  for (let i = 0; i < STARTS; i++) {
    const data = join(directory, `web-${i}`);
    const before = performance.now();
    const running = start([executable('web')], { FACEREC_DATA: data, FACEREC_PORT: '0' }, '/');
    await running.said(/listens on/);
    ready.push(performance.now() - before);
    if (i === STARTS - 1) {
      await Bun.sleep(5000);
      idle = residentMiB(running.child.pid);
    }
    await running.end();
  }
  return { ready: median(ready), idle };
}

async function idleController(): Promise<number> {
  const env = { FACEREC_DATA: join(directory, 'controller'), FACEREC_MIN_INSTANCES: '0' };
  const running = start([executable('controller')], env, '/');
  await running.said(/"event":"ready"/);
  await Bun.sleep(5000);
  const idle = residentMiB(running.child.pid);
  await running.end();
  return idle;
}

/** From start to the first result: with the libraries in the cache, and with an empty cache each time. */
function firstResult(): { warm: Cost; cold: Cost } {
  const command = [executable('worker'), 'recognise', portraits.avatar];
  const cache = (name: string) => ({ CACHE_DIRECTORY: join(directory, name), FACEREC_DATA: '/nowhere' });
  ended(command, cache('warm'), 1);
  const warm = ended(command, cache('warm'), 7);
  const colds = Array.from({ length: 7 }, (_, i) => {
    const cost = ended(command, cache(`cold-${i}`), 1);
    rmSync(join(directory, `cold-${i}`), { recursive: true });
    return cost;
  });
  return { warm, cold: { wall: median(colds.map(c => c.wall)), cpu: median(colds.map(c => c.cpu)) } };
}

/** Memory of a worker, MiB, after half of the photos and after all. */
async function working(): Promise<{ half: number; all: number }> {
  const settings = { FACEREC_DATA: join(directory, 'worker'), CACHE_DIRECTORY: join(directory, 'warm') };
  const services = await openServices(readConfig({ FACEREC_DATA: settings.FACEREC_DATA }), silentLog);
  const files = await Promise.all(portraitNames.map(portrait));
  const running = start([executable('worker')], settings, '/');
  const resident: number[] = [];
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < photos / 2; i++) {
      const request: Request = { v: 1, kind: 'recognise', id: Bun.randomUUIDv7(), file: 'photo.jpg' };
      await services.input.put(inputKey(request), files[i % files.length]!);
      await services.requests.send(encodeMessage(request));
    }
    for (;;) {
      const { visible, inFlight } = await services.requests.depth();
      if (visible + inFlight === 0) break;
      await Bun.sleep(20);
    }
    resident.push(residentMiB(running.child.pid));
  }
  await running.end();
  await services.close();
  return { half: resident[0]!, all: resident[1]! };
}

const none = await empty();
// Read once, so that none is measured coming from the disk.
for (const program of programs) readFileSync(executable(program));
console.log(
  JSON.stringify({
    empty: { ...ended([none]), bytes: statSync(none).size },
    version: Object.fromEntries(
      programs.map(program => [program, ended([executable(program), '--version'])]),
    ),
    bytes: Object.fromEntries(programs.map(program => [program, statSync(executable(program)).size])),
    web: await web(),
    controller: { idle: await idleController() },
    first: firstResult(),
    worker: await working(),
  }),
);
rmSync(directory, { recursive: true });
