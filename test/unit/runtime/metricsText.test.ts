import { expect, test } from 'bun:test';
import { Counter, Gauge, Histogram, Registry } from '../../../src/runtime/metricsText.ts';
import { parseExposition } from '../../support/exposition.ts';

test('figures as the format has them', async () => {
  const registry = new Registry();
  const asked = new Counter({ name: 'asked_total', help: 'Asked.', labelNames: ['by', 'at'], registry });
  asked.add(1, { at: 'noon', by: 'a' });
  asked.add(0.5, { by: 'a', at: 'noon' });
  new Gauge({ name: 'level_ratio', help: 'Two\nlines and a \\.', registry }).set(-1.5);
  const took = new Histogram({ name: 'took_seconds', help: 'Took.', buckets: [0.1, 1], registry });
  for (const seconds of [0.1, 0.2, 5]) took.observe(seconds);
  expect(await registry.text()).toBe(`# HELP asked_total Asked.
# TYPE asked_total counter
asked_total{by="a",at="noon"} 1.5
# HELP level_ratio Two\\nlines and a \\\\.
# TYPE level_ratio gauge
level_ratio -1.5
# HELP took_seconds Took.
# TYPE took_seconds histogram
took_seconds_bucket{le="0.1"} 1
took_seconds_bucket{le="1"} 2
took_seconds_bucket{le="+Inf"} 3
took_seconds_sum 5.3
took_seconds_count 3
`);
});

test('labels survive whatever is in them', async () => {
  const registry = new Registry();
  const gauge = new Gauge({ name: 'odd', help: 'Odd.', labelNames: ['x'], registry });
  const values = ['', '"', '\\', '\n', '\\n', '{}', ',', '=', 'ä\u{1f600}', 'a"b\\c\nd'];
  for (const [i, x] of values.entries()) gauge.set(i, { x });
  const read = parseExposition(await registry.text()).get('odd')?.samples;
  expect(read?.map(({ labels, value }) => [labels.x, value] as const)).toEqual(values.map((x, i) => [x, i]));
});

test('what has no labels is there from the beginning, what has them when it is known', async () => {
  const registry = new Registry();
  new Counter({ name: 'plain_total', help: 'P.', registry });
  const gauge = new Gauge({ name: 'by_state', help: 'S.', labelNames: ['state'], registry });
  const samples = async () =>
    [...parseExposition(await registry.text()).values()].map(family => family.samples.length);
  expect(await samples()).toEqual([1, 0]);
  gauge.set(1, { state: 'a' });
  expect(await samples()).toEqual([1, 1]);
  gauge.clear();
  expect(await samples()).toEqual([1, 0]);
});

test('numbers that are none', async () => {
  const registry = new Registry();
  const gauge = new Gauge({ name: 'strange', help: 'S.', labelNames: ['x'], registry });
  const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e21, 1e-7];
  for (const [i, value] of values.entries()) gauge.set(value, { x: String(i) });
  const read = parseExposition(await registry.text()).get('strange')?.samples;
  expect(read?.map(({ value }) => value)).toEqual(values);
});

test('counters do not fall, and no name is taken twice', () => {
  const registry = new Registry();
  const counter = new Counter({ name: 'a_total', help: 'A.', registry });
  expect(() => counter.add(-1)).toThrow(RangeError);
  expect(() => counter.add(Number.NaN)).toThrow(RangeError);
  expect(() => new Gauge({ name: 'a_total', help: 'A.', registry })).toThrow('a_total');
});

test('what is collected is waited for', async () => {
  const registry = new Registry();
  const collect = async (gauge: Gauge) => {
    await Bun.sleep(1);
    gauge.set(7);
  };
  new Gauge({ name: 'late', help: 'L.', registry, collect });
  expect(parseExposition(await registry.text()).get('late')?.samples[0]?.value).toBe(7);
});
