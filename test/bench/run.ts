/** `bun run bench`: what the service costs. Absolute figures are this machine's; ratios come from one run. */
import { child, median } from './measure.ts';

const ROUNDS = 5;
const PHOTOS = 200;
interface Cost {
  wall: number;
  cpu: number;
}

// In turn, so that a machine that drifts drifts for all.
const engine: Cost[] = [];
const floor: { decode: number; models: number }[] = [];
const worker: (Cost & { peak: number })[] = [];
for (let round = 0; round < ROUNDS; round++) {
  engine.push(await child('engine.ts', String(PHOTOS)));
  floor.push(await child('floor.ts', String(PHOTOS)));
  worker.push(await child('worker.ts', String(PHOTOS)));
  console.error(`round ${round + 1} of ${ROUNDS}`);
}
const each = <T>(rows: readonly T[], value: (row: T, i: number) => number) => median(rows.map(value));
const ms = (value: number) => `${value.toFixed(1)} ms`;

console.log(`200 × 200 px portraits, one face each; medians of ${ROUNDS} rounds of ${PHOTOS}`);
console.log(`  decode                          ${ms(each(floor, f => f.decode))} CPU`);
console.log(`  three models                    ${ms(each(floor, f => f.models))} CPU`);
console.log(
  `  engine alone                    ${ms(each(engine, e => e.cpu))} CPU, ${ms(each(engine, e => e.wall))}`,
);
console.log(
  `  worker on the local backend     ${ms(each(worker, w => w.cpu))} CPU, ${ms(each(worker, w => w.wall))}`,
);
const overhead = each(engine, (e, i) => e.cpu / (floor[i]!.decode + floor[i]!.models));
console.log(`  engine / (models + decode)      ${overhead.toFixed(2)} × (goal: at most 1.25)`);
const throughput = each(engine, (e, i) => e.wall / worker[i]!.wall);
console.log(`  worker / engine, photos a second ${throughput.toFixed(2)} × (goal: at least 0.9)`);
console.log(`  worker, photos a second a core  ${(1000 / each(worker, w => w.cpu)).toFixed(0)}`);
console.log(`  worker, peak memory             ${each(worker, w => w.peak).toFixed(0)} MiB`);

const large = await child<Cost & { peak: number }>('worker.ts', '60', 'large');
console.log('12-megapixel photos');
console.log(`  worker                          ${ms(large.cpu)} CPU, ${ms(large.wall)}`);
console.log(`  worker, peak memory             ${large.peak.toFixed(0)} MiB (goal: at most 250)`);

const idle = await child<{ p50: number; p95: number; worker: number; idle: number }>(
  'latency.ts',
  '100',
  '60',
);
console.log('the whole service, idle but for one client');
console.log(
  `  post to answer                  p50 ${ms(idle.p50)}, p95 ${ms(idle.p95)}; in the worker ${ms(idle.worker)}`,
);
console.log(`  idle                            ${idle.idle.toFixed(2)} % of a core (goal: under 1)`);
