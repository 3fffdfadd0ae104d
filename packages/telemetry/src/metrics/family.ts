/** Names of the labels of a metric; a series gives a value for each, in this order. */
export type LabelNames = readonly string[];

export interface Naming {
  /** As the exposition shows it: `opensandbox_…`, with its unit and, for a counter, `_total` at the end. */
  readonly name: string;
  readonly help: string;
  readonly labels?: LabelNames;
}

/** One line of a metric's graph. */
export interface Series<Value> {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: Value;
}

export interface HistogramValue {
  readonly bounds: readonly number[];
  /** One more than there are bounds: the last is for what lies above them all. */
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

export type Family = { readonly name: string; readonly help: string } & (
  | { readonly kind: 'counter' | 'gauge'; readonly series: readonly Series<number>[] }
  | { readonly kind: 'histogram'; readonly series: readonly Series<HistogramValue>[] }
);

/** So many series of one metric are kept apart; what a client could multiply ends there. */
const MOST_SERIES = 1000;
/** The value of every label of the series that stands for all those that came too late. */
const OVERFLOW = 'other';

/** The series of one metric by their label values. A series that was handed out stays what it is. */
export interface SeriesSet<T> {
  of(values: readonly string[]): T;
  entries(): readonly Series<T>[];
}

export function createSeriesSet<T>(names: LabelNames, make: () => T): SeriesSet<T> {
  const series = new Map<string, Series<T>>();
  return {
    of(values) {
      const found = series.get(keyOf(values));
      if (found !== undefined) return found.value;
      const kept = series.size < MOST_SERIES ? values : names.map(() => OVERFLOW);
      const key = keyOf(kept);
      const known = series.get(key);
      if (known !== undefined) return known.value;
      const labels = Object.fromEntries(names.map((name, at) => [name, kept[at] ?? '']));
      const made = { labels, value: make() };
      series.set(key, made);
      return made.value;
    },
    entries: () => [...series.values()],
  };
}

function keyOf(values: readonly string[]): string {
  return values.length === 1 ? (values[0] ?? '') : values.join('\u0000');
}
