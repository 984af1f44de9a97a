/** `bun run bench`: what the service costs. Absolute figures are this machine's; ratios come from one run. */
import { type Program, programs } from '../../src/variables.ts';
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

type Each<T> = Record<Program, T>;
const executables = await child<{
  empty: Cost & { bytes: number };
  version: Each<Cost>;
  bytes: Each<number>;
  web: { ready: number; idle: number };
  controller: { idle: number };
  first: { warm: Cost; cold: Cost };
  worker: { half: number; all: number };
}>('executables.ts', '1000');
const { empty, version, first } = executables;
const timesEmpty = (value: number) => `${(value / empty.cpu).toFixed(0)} ×`;
console.log(`executables, next to an empty program compiled alike: ${ms(empty.wall)}, ${ms(empty.cpu)} CPU`);
for (const program of programs) {
  const { wall, cpu } = version[program];
  console.log(
    `  ${program.padEnd(10)} --version           ${ms(wall)} (goal: at most 15), ${timesEmpty(cpu)} the empty one; ` +
      `${(executables.bytes[program] / 1e6).toFixed(1)} MB, ${(executables.bytes[program] / empty.bytes).toFixed(2)} ×`,
  );
}
console.log(`  web, ready                      ${ms(executables.web.ready)} (goal: at most 100)`);
for (const [how, cost, goal] of [
  ['warm', first.warm, 400],
  ['empty cache', first.cold, 800],
] as const)
  console.log(
    `  worker to first result, ${how.padEnd(11)} ${ms(cost.cpu)} CPU (goal: at most ${goal}), ${timesEmpty(cost.cpu)}; ${ms(cost.wall)}`,
  );
console.log(
  `  idle memory                     web ${executables.web.idle.toFixed(0)} MiB, controller ${executables.controller.idle.toFixed(0)} MiB (goal: at most 60)`,
);
console.log(
  `  worker's memory                 ${executables.worker.half.toFixed(0)} MiB after 500 photos, ${executables.worker.all.toFixed(0)} after 1,000 (goal: at most 200)`,
);

interface GalleryCost {
  faces: number;
  people: number;
  stored: number;
  loaded: { wall: number; cpu: number; peak: number; held: number };
  search: { best: number; p50: number; cpu: number };
  recall: { probes: number; same: number; worst: number };
  look: Record<'genuine' | 'strangers', { searches: number; first: number; either: number }>;
  visible: { p50: number; worst: number };
}
const gallery = await child<GalleryCost>('gallery.ts', 'all', '', '100000', '1000');
const { loaded, search, recall, look, visible } = gallery;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
const vectors = 4 * 512 * gallery.faces;
console.log(
  `gallery of ${gallery.faces} faces of ${gallery.people} people, ${megabytes(gallery.stored)} stored`,
);
console.log(
  `  worker's start                  ${ms(loaded.wall)}, ${ms(loaded.cpu)} CPU more (goal: at most 2,000)`,
);
console.log(
  `  search for a face               p50 ${ms(search.p50)}, best ${ms(search.best)} (goal: at most 5)`,
);
console.log(
  `  memory                          ${megabytes(loaded.held)}, ${megabytes(loaded.peak)} at the peak of the start: ` +
    `${(loaded.held / vectors).toFixed(2)} and ${(loaded.peak / vectors).toFixed(2)} × the vectors in 32 bits (goal: at most 1.2)`,
);
console.log(
  `  8 bits instead of 32            ${recall.same} of ${recall.probes} probes get the same name; similarities differ by ` +
    `${recall.worst.toFixed(4)} at most`,
);
for (const [who, { searches, first, either }] of Object.entries(look))
  console.log(
    `  ${`lost by the first look, ${who}`.padEnd(32)}${first} of ${searches} first persons, ${either} first or second ones (goal: at most 0.1 %)`,
  );
console.log(
  `  a new face, seen elsewhere      ${ms(visible.p50)} after its write began, ${ms(visible.worst)} at worst (goal: 2,000)`,
);
