export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: readonly Sample[];
}

const NAME = /^[a-z_:][a-z0-9_:]*$/;
const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?=.)|$)/;
const VALUE = /^(NaN|[+-]Inf|[+-]?\d+(\.\d+)?([eE][+-]?\d+)?)$/;

/**
 * Reads Prometheus' text format 0.0.4, and is stricter than it: each family has HELP and TYPE before its samples and comes
 * once, no sample twice, names and units are by convention, histograms add up. Throws where it is not so.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<
    string,
    { name: string; help: string; type?: Family['type']; samples: Sample[] }
  >();
  const seen = new Set<string>();
  let current: { name: string; help: string; type?: Family['type']; samples: Sample[] } | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const help = /^# HELP (\S+) (.+)$/.exec(line);
    if (help) {
      const [, name = '', words = ''] = help;
      if (families.has(name)) throw new Error(`${name} comes twice`);
      if (!NAME.test(name)) throw new Error(`${name} is no name`);
      current = { name, help: words, samples: [] };
      families.set(name, current);
      continue;
    }
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (type) {
      if (!current || current.name !== type[1] || current.type || current.samples.length > 0)
        throw new Error(`out of order: ${line}`);
      current.type = type[2] as Family['type'];
      continue;
    }
    const sample = sampleOf(line);
    const identity = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (seen.has(identity)) throw new Error(`twice: ${line}`);
    seen.add(identity);
    if (current?.type === undefined || !belongs(sample.name, current.name, current.type))
      throw new Error(`no HELP and TYPE before: ${line}`);
    current.samples.push(sample);
  }
  return new Map([...families].map(([name, family]) => [name, checked(family)]));
}

function sampleOf(line: string): Sample {
  const [, name, inner, value = ''] = LINE.exec(line) ?? [];
  if (name === undefined || !VALUE.test(value)) throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  for (let rest = inner ?? ''; rest !== ''; ) {
    const [all, label, escaped = ''] = LABEL.exec(rest) ?? [];
    if (all === undefined || label === undefined) throw new Error(`no labels: ${line}`);
    if (label in labels) throw new Error(`a label twice: ${line}`);
    labels[label] = escaped.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
    rest = rest.slice(all.length);
  }
  return { name, labels, value: numberOf(value) };
}

function numberOf(text: string): number {
  return /Inf$/.test(text) ? Number(text.replace('Inf', 'Infinity')) : Number(text);
}

function belongs(sample: string, family: string, type: Family['type']): boolean {
  if (type !== 'histogram') return sample === family;
  return ['_bucket', '_sum', '_count'].some(suffix => sample === family + suffix);
}

function checked(family: { name: string; help: string; type?: Family['type']; samples: Sample[] }): Family {
  const { name, help, type, samples } = family;
  if (type === undefined) throw new Error(`${name} has no type`);
  if (name.endsWith('_total') !== (type === 'counter')) throw new Error(`${name}: _total is for counters`);
  if (/_(milliseconds|ms|minutes|kilobytes|mb|kb)(_|$)/.test(name)) throw new Error(`${name}: no base unit`);
  if (type === 'counter' && samples.some(({ value }) => !(value >= 0)))
    throw new Error(`${name} is below zero`);
  if (type === 'histogram') checkHistogram(name, samples);
  return { name, help, type, samples };
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels));
  for (const group of groups.values()) {
    const only = (suffix: string) => {
      const [first, ...more] = group.filter(sample => sample.name === name + suffix);
      if (first === undefined || more.length > 0) throw new Error(`${name} has not one ${suffix}`);
      return first.value;
    };
    const buckets = group
      .filter(sample => sample.name === `${name}_bucket`)
      .map(({ labels, value }) => ({ le: numberOf(labels.le ?? ''), value }));
    const rising = buckets.every(
      ({ le, value }, i) => i === 0 || (le > buckets[i - 1]!.le && value >= buckets[i - 1]!.value),
    );
    if (!rising || Number.isNaN(buckets[0]?.le ?? Number.NaN))
      throw new Error(`${name}: buckets do not rise`);
    const last = buckets.at(-1);
    if (last?.le !== Number.POSITIVE_INFINITY || last.value !== only('_count'))
      throw new Error(`${name}: the last bucket is not +Inf, or not all`);
    only('_sum');
  }
}
