/**
 * Counts, gauges and histograms in the text form that Prometheus reads.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export interface Metric {
  /** Its lines, with help and type. */
  expose(): string;
}

type Labels = readonly string[];

/** Most combinations of labels of one metric; those beyond are counted together under empty labels. */
const SERIES = 10_000;

/** Values by labels. */
class Series<T> {
  readonly #names: readonly string[];
  readonly #values = new Map<string, { readonly labels: Labels; readonly value: T }>();
  readonly #make: () => T;

  constructor(names: readonly string[], make: () => T) {
    this.#names = names;
    this.#make = make;
  }

  of(labels: Labels): T {
    const key = labels.join('\u0000');
    const known = this.#values.get(key);
    if (known !== undefined) return known.value;
    return this.#values.size < SERIES ? this.#add(key, labels) : this.#rest();
  }

  #rest(): T {
    const labels = this.#names.map(() => '');
    const key = labels.join('\u0000');
    return this.#values.get(key)?.value ?? this.#add(key, labels);
  }

  #add(key: string, labels: Labels): T {
    const value = this.#make();
    this.#values.set(key, { labels, value });
    return value;
  }

  *entries(): Generator<readonly [labels: string, value: T]> {
    for (const { labels, value } of this.#values.values())
      yield [this.#names.map((name, index) => `${name}="${escaped(labels[index] ?? '')}"`).join(','), value];
  }
}

function escaped(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}

export interface MetricOptions {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

export class Counter implements Metric {
  readonly #options: MetricOptions;
  readonly #series: Series<{ count: number }>;

  constructor(options: MetricOptions) {
    this.#options = options;
    this.#series = new Series(options.labels ?? [], () => ({ count: 0 }));
  }

  add(labels: Labels, amount = 1): void {
    this.#series.of(labels).count += amount;
  }

  /** What these labels are counted in, for who counts often. */
  of(labels: Labels): { count: number } {
    return this.#series.of(labels);
  }

  expose(): string {
    const lines = [...this.#series.entries()].map(([labels, { count }]) =>
      line(this.#options.name, labels, count),
    );
    return head(this.#options, 'counter') + lines.join('');
  }
}

export interface Buckets {
  readonly counts: number[];
  sum: number;
  count: number;
}

export class Histogram implements Metric {
  readonly #options: MetricOptions;
  readonly #bounds: readonly number[];
  readonly #series: Series<Buckets>;

  /** @param options.bounds upper ends of the buckets, in order */
  constructor(options: MetricOptions & { readonly bounds: readonly number[] }) {
    this.#options = options;
    this.#bounds = options.bounds;
    this.#series = new Series(options.labels ?? [], () => ({
      counts: new Array<number>(options.bounds.length).fill(0),
      sum: 0,
      count: 0,
    }));
  }

  observe(labels: Labels, value: number): void {
    this.observeIn(this.of(labels), value);
  }

  /** What these labels are gathered in, for who observes often. */
  of(labels: Labels): Buckets {
    return this.#series.of(labels);
  }

  observeIn(one: Buckets, value: number): void {
    const index = this.#bounds.findIndex((bound) => value <= bound);
    if (index >= 0) one.counts[index] = (one.counts[index] ?? 0) + 1;
    one.sum += value;
    one.count += 1;
  }

  expose(): string {
    const { name } = this.#options;
    let text = head(this.#options, 'histogram');
    for (const [labels, { counts, sum, count }] of this.#series.entries()) {
      const more = labels === '' ? '' : `${labels},`;
      let below = 0;
      for (const [index, bound] of this.#bounds.entries()) {
        below += counts[index] ?? 0;
        text += line(`${name}_bucket`, `${more}le="${bound}"`, below);
      }
      text += line(`${name}_bucket`, `${more}le="+Inf"`, count);
      text += line(`${name}_sum`, labels, sum) + line(`${name}_count`, labels, count);
    }
    return text;
  }
}

/** Read when somebody looks. */
export class Gauge implements Metric {
  readonly #options: MetricOptions & { readonly type?: 'gauge' | 'counter' };
  readonly #read: () => Iterable<readonly [labels: Labels, value: number]>;

  constructor(
    options: MetricOptions & { readonly type?: 'gauge' | 'counter' },
    read: () => Iterable<readonly [labels: Labels, value: number]>,
  ) {
    this.#options = options;
    this.#read = read;
  }

  expose(): string {
    const { name, labels: names = [], type = 'gauge' } = this.#options;
    const lines = [...this.#read()].map(([labels, value]) =>
      line(name, names.map((one, index) => `${one}="${escaped(labels[index] ?? '')}"`).join(','), value),
    );
    return head(this.#options, type) + lines.join('');
  }
}

function head({ name, help }: MetricOptions, type: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function line(name: string, labels: string, value: number): string {
  return `${name}${labels === '' ? '' : `{${labels}}`} ${value}\n`;
}
