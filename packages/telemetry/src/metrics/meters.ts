import type { Family, HistogramValue, Naming, Series } from './family.ts';
import { createSeriesSet } from './family.ts';

/** One series of a counter. Adding costs a few nanoseconds: hot paths keep what `of` returned. */
export interface Counter {
  add(amount: number): void;
}

/** One series of a histogram, in the unit that the metric's name says. */
export interface Histogram {
  record(value: number): void;
}

/** One series of a gauge that somebody moves. */
export interface Gauge {
  add(amount: number): void;
}

/** A metric with labels; each combination of values is a series. */
export interface Labelled<T> {
  of(...values: readonly string[]): T;
}

export type Observe = (value: number, ...labels: readonly string[]) => void;

/** Where a program keeps what it measured, until somebody asks. */
export interface Meters {
  counter(naming: Naming): Labelled<Counter>;
  gauge(naming: Naming): Labelled<Gauge>;
  histogram(naming: Naming & { readonly bounds: readonly number[] }): Labelled<Histogram>;
  /** Read when somebody asks. What throws is left out. */
  observed(naming: Naming & { readonly kind: 'counter' | 'gauge' }, read: (observe: Observe) => void): void;
  /** Everything there is now. */
  collect(): readonly Family[];
}

/** From a millisecond to two hours: requests as well as the lives of streams and the pulling of images. */
export const DURATION_BOUNDS_S: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200,
];

export function createMeters(): Meters {
  const families = new Map<string, () => Family>();
  const declare = (name: string, read: () => Family): void => {
    if (families.has(name)) throw new Error(`the metric ${name} is declared twice`);
    families.set(name, read);
  };
  const numbers = (kind: 'counter' | 'gauge', { name, help, labels = [] }: Naming): Labelled<Counter> => {
    const set = createSeriesSet(labels, createSum);
    if (labels.length === 0) set.of([]);
    const read = (): readonly Series<number>[] =>
      set.entries().map(({ labels: its, value }) => ({ labels: its, value: value.total() }));
    declare(name, () => ({ name, help, kind, series: read() }));
    return { of: (...values) => set.of(values) };
  };
  return {
    counter: (naming) => numbers('counter', naming),
    gauge: (naming) => numbers('gauge', naming),
    histogram({ name, help, labels = [], bounds }) {
      const set = createSeriesSet(labels, () => createBuckets(bounds));
      if (labels.length === 0) set.of([]);
      const read = (): readonly Series<HistogramValue>[] =>
        set.entries().map(({ labels: its, value }) => ({ labels: its, value: value.read() }));
      declare(name, () => ({ name, help, kind: 'histogram', series: read() }));
      return { of: (...values) => set.of(values) };
    },
    observed({ name, help, labels = [], kind }, read) {
      declare(name, () => ({ name, help, kind, series: observe(labels, read) }));
    },
    collect: () => [...families.values()].map((read) => read()),
  };
}

function createSum(): Counter & { total(): number } {
  let sum = 0;
  return {
    add: (amount) => void (sum += amount),
    total: () => sum,
  };
}

function createBuckets(bounds: readonly number[]): Histogram & { read(): HistogramValue } {
  const counts = new Array<number>(bounds.length + 1).fill(0);
  let sum = 0;
  let count = 0;
  return {
    record(value) {
      let at = 0;
      while (at < bounds.length && value > (bounds[at] ?? Infinity)) at += 1;
      counts[at] = (counts[at] ?? 0) + 1;
      sum += value;
      count += 1;
    },
    read: () => ({ bounds, counts: [...counts], sum, count }),
  };
}

function observe(names: readonly string[], read: (observe: Observe) => void): readonly Series<number>[] {
  const series: Series<number>[] = [];
  try {
    read((value, ...values) => {
      const labels = Object.fromEntries(names.map((name, at) => [name, values[at] ?? '']));
      series.push({ labels, value });
    });
  } catch {
    return []; // a metric that cannot be read must not take the others with it
  }
  return series;
}
