/** Counters, gauges and histograms in Prometheus' text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/ */

type Labels<L extends string> = Readonly<Partial<Record<L, string>>>;

interface Options<L extends string, Self> {
  /** With its unit, `_total` for counters. */
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly L[];
  readonly registry: Registry;
  /** Called before the figures are told. */
  readonly collect?: (self: Self) => void | Promise<void>;
}

interface Family {
  readonly name: string;
  collect(): void | Promise<void>;
  lines(): string[];
}

/** The figures of one process. */
export class Registry {
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8';
  readonly #families = new Map<string, Family>();

  /** @throws Error where there is one of that name */
  add(family: Family): void {
    if (this.#families.has(family.name)) throw new Error(`there is a metric ${family.name} already`);
    this.#families.set(family.name, family);
  }

  /** All figures as they are now. Rejects when one cannot be collected. */
  async text(): Promise<string> {
    const families = [...this.#families.values()];
    await Promise.all(families.map(family => family.collect()));
    return `${families.flatMap(family => family.lines()).join('\n')}\n`;
  }
}

/** What is kept for each combination of labels; where there are no labels, from the beginning. */
class Series<L extends string, V> {
  readonly #names: readonly L[];
  readonly #fresh: () => V;
  #values = new Map<string, { readonly labels: string; value: V }>();

  constructor(names: readonly L[], fresh: () => V) {
    this.#names = names;
    this.#fresh = fresh;
    this.clear();
  }

  at(labels?: Labels<L>): { value: V } {
    const values = this.#names.map(name => labels?.[name] ?? '');
    const key = values.join('\0');
    let held = this.#values.get(key);
    if (held === undefined) {
      const text = this.#names.map((name, i) => `${name}="${escaped(values[i]!)}"`).join(',');
      held = { labels: text, value: this.#fresh() };
      this.#values.set(key, held);
    }
    return held;
  }

  all(): Iterable<{ readonly labels: string; readonly value: V }> {
    return this.#values.values();
  }

  clear(): void {
    this.#values = new Map();
    if (this.#names.length === 0) this.at();
  }
}

abstract class Metric<L extends string, V, Self> implements Family {
  readonly name: string;
  protected readonly series: Series<L, V>;
  readonly #help: string;
  readonly #type: string;
  readonly #collect: Options<L, Self>['collect'];

  constructor(type: string, options: Options<L, Self>, fresh: () => V) {
    const { name, help, labelNames = [], registry, collect } = options;
    this.name = name;
    this.#help = help;
    this.#type = type;
    this.#collect = collect;
    this.series = new Series<L, V>(labelNames, fresh);
    registry.add(this);
  }

  collect(): void | Promise<void> {
    return this.#collect?.(this as unknown as Self);
  }

  lines(): string[] {
    const help = this.#help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
    const samples = [...this.series.all()].flatMap(({ labels, value }) => this.samples(labels, value));
    return [`# HELP ${this.name} ${help}`, `# TYPE ${this.name} ${this.#type}`, ...samples];
  }

  protected abstract samples(labels: string, value: V): string[];
}

/** Only rises. */
export class Counter<L extends string = never> extends Metric<L, number, Counter<L>> {
  constructor(options: Options<L, Counter<L>>) {
    super('counter', options, () => 0);
  }

  /** @throws RangeError for less than 0 */
  add(more: number, labels?: Labels<L>): void {
    if (!(more >= 0)) throw new RangeError(`${this.name} cannot rise by ${more}`);
    this.series.at(labels).value += more;
  }

  /** For what somebody else counts. */
  count(value: number, labels?: Labels<L>): void {
    this.series.at(labels).value = value;
  }

  protected samples(labels: string, value: number): string[] {
    return [sample(this.name, labels, value)];
  }
}

export class Gauge<L extends string = never> extends Metric<L, number, Gauge<L>> {
  constructor(options: Options<L, Gauge<L>>) {
    super('gauge', options, () => 0);
  }

  set(value: number, labels?: Labels<L>): void {
    this.series.at(labels).value = value;
  }

  /** Forgets all: what is not known is not told. */
  clear(): void {
    this.series.clear();
  }

  protected samples(labels: string, value: number): string[] {
    return [sample(this.name, labels, value)];
  }
}

interface Observed {
  /** By bucket, not cumulative; the last one has no upper bound. */
  readonly counts: number[];
  sum: number;
}

export class Histogram<L extends string = never> extends Metric<L, Observed, Histogram<L>> {
  readonly #bounds: readonly number[];

  /** @param options with the upper bounds of the buckets, ascending */
  constructor(options: Options<L, Histogram<L>> & { readonly buckets: readonly number[] }) {
    const { buckets } = options;
    super('histogram', options, () => ({ counts: new Array(buckets.length + 1).fill(0), sum: 0 }));
    this.#bounds = buckets;
  }

  observe(value: number, labels?: Labels<L>): void {
    const { value: observed } = this.series.at(labels);
    const bucket = this.#bounds.findIndex(bound => value <= bound);
    observed.counts[bucket < 0 ? this.#bounds.length : bucket]! += 1;
    observed.sum += value;
  }

  protected samples(labels: string, { counts, sum }: Observed): string[] {
    const prefix = labels === '' ? '' : `${labels},`;
    let total = 0;
    const buckets = counts.map((count, i) => {
      total += count;
      return sample(`${this.name}_bucket`, `${prefix}le="${this.#bounds[i] ?? '+Inf'}"`, total);
    });
    return [...buckets, sample(`${this.name}_sum`, labels, sum), sample(`${this.name}_count`, labels, total)];
  }
}

function sample(name: string, labels: string, value: number): string {
  const text = Number.isFinite(value)
    ? String(value)
    : Number.isNaN(value)
      ? 'NaN'
      : value > 0
        ? '+Inf'
        : '-Inf';
  return `${name}${labels === '' ? '' : `{${labels}}`} ${text}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
