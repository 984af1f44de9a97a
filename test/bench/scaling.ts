/**
 * `bun test/bench/scaling.ts [--seeds N] [--from SEED] [--boot MIN-MAX] [--against FILE]`: the figures of all scaling policies
 * over all traces, for 0.25 s and 1.0 s of service. With `--against`, a module that exports `simulate(trace, service,
 * seed, policy, settings)` and `POL`, the policies by name, is run on the same arrivals, and what differs is shown.
 */
import { parseArgs } from 'node:util';
import { type TraceName, traceArrivals, traceNames } from '../../src/simulate/arrivals.ts';
import { geometricMean, type Measures, measure, percentile } from '../../src/simulate/measures.ts';
import { range } from '../../src/simulate/options.ts';
import { type PolicyName, policies, policyNames } from '../../src/simulate/policies.ts';
import { meanService, type Setting, usualSetting } from '../../src/simulate/setting.ts';
import { simulate } from '../../src/simulate/world.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    from: { type: 'string', default: '1' },
    boot: { type: 'string', default: '20-60' },
    against: { type: 'string' },
  },
});
const from = Number(values.from);
const boot = range(values.boot);
/** Bursts are short and few messages: twice the runs. */
const seedsOf = (trace: TraceName) =>
  Array.from({ length: Number(values.seeds) * (trace.startsWith('burst') ? 2 : 1) }, (_, i) => from + i);

/** Our policies by the other simulator's names. */
const others: Partial<Record<PolicyName, string>> = {
  clairvoyant: 'oracle',
  'always-max': 'static-15',
  'as-written': 'seed-readme',
  repaired: 'seed-fixed',
  'target-tracking': 'aws-tt',
  keda: 'keda',
};
interface Other {
  readonly POL: Record<string, unknown>;
  simulate(
    trace: string,
    service: number,
    seed: number,
    policy: unknown,
    settings: object,
  ): { soj: Float64Array; cost: number };
}
const other: Other | undefined = values.against === undefined ? undefined : await import(values.against);

type Cells = Map<string, Map<PolicyName, Measures>>;
const cells: Cells = new Map();
const theirs = new Map<PolicyName, { cost: number[]; p95: number[] }>();
for (const seconds of [0.25, 1])
  for (const trace of traceNames) {
    const setting: Setting = { ...usualSetting, boot, service: { ...usualSetting.service, seconds } };
    const seeds = seedsOf(trace);
    const arrivals = seeds.map(seed => traceArrivals(trace, meanService(setting), seed));
    const row = new Map<PolicyName, Measures>();
    for (const name of policyNames) {
      const kind = policies[name].kind(setting);
      const ours = measure(arrivals.map((each, i) => simulate(each, setting, seeds[i]!, kind)));
      row.set(name, ours);
      const their = others[name];
      if (other === undefined || their === undefined) continue;
      const runs = seeds.map(seed =>
        other.simulate(trace, seconds, seed, other.POL[their], { bootLo: boot.from, bootHi: boot.to }),
      );
      const waits = Float64Array.from(runs.flatMap(({ soj }) => [...soj])).sort();
      const list = theirs.get(name) ?? { cost: [], p95: [] };
      list.cost.push(ours.cost / (runs.reduce((sum, { cost }) => sum + cost, 0) / runs.length));
      list.p95.push(ours.p95 / percentile(waits, 0.95));
      theirs.set(name, list);
    }
    cells.set(`${trace} ${seconds}`, row);
    print(`${trace} ${seconds}`, row);
  }

console.log(`\nall traces, geometric means; seeds ${from} on, boot ${boot.from} to ${boot.to} s`);
for (const name of policyNames) {
  const rows = [...cells.values()];
  const ratio = (value: (m: Measures) => number, to: PolicyName) =>
    geometricMean(rows.map(row => value(row.get(name)!) / value(row.get(to)!))).toFixed(3);
  const hourly = (value: (m: Measures) => number) =>
    (
      rows.reduce((sum, row) => sum + value(row.get(name)!), 0) /
      rows.reduce((sum, row) => sum + row.get(name)!.hours, 0)
    ).toFixed(2);
  const within = (rows.reduce((sum, row) => sum + row.get(name)!.within30, 0) / rows.length) * 100;
  const peak = Math.max(...rows.map(row => row.get(name)!.peak));
  console.log(
    `${name.padEnd(16)} cost ${ratio(m => m.cost, 'clairvoyant')} × clairvoyant, p95 ${ratio(m => m.p95, 'always-max')} × the whole fleet, ${within.toFixed(1)} % within 30 s, an hour: ${hourly(m => m.wasted)} wasted, ${hourly(m => m.busyKills)} busy kills, ${hourly(m => m.ec2Calls)} EC2 calls; peak ${peak}`,
  );
}
if (theirs.size > 0)
  console.log('\nagainst the other simulator, geometric means over all traces; the widest');
for (const [name, { cost, p95 }] of theirs) {
  const widest = (list: readonly number[]) =>
    list.toSorted((a, b) => Math.abs(Math.log(b)) - Math.abs(Math.log(a)))[0]!.toFixed(2);
  console.log(
    `${name.padEnd(16)} cost ${geometricMean(cost).toFixed(3)} (${widest(cost)}), p95 ${geometricMean(p95).toFixed(3)} (${widest(p95)})`,
  );
}

function print(cell: string, row: ReadonlyMap<PolicyName, Measures>): void {
  const ideal = row.get('clairvoyant')!.cost;
  console.log(`\n${cell} s`);
  for (const [name, m] of row)
    console.log(
      `  ${name.padEnd(16)} p50 ${m.p50.toFixed(2)} p95 ${m.p95.toFixed(2)} p99 ${m.p99.toFixed(2)} s, cost ${(m.cost / ideal).toFixed(3)}, launches ${m.launches.toFixed(1)}, wasted ${m.wasted.toFixed(2)}, busy kills ${m.busyKills.toFixed(1)}, peak ${m.peak}, EC2 calls an hour ${(m.ec2Calls / m.hours).toFixed(0)}`,
    );
}
