/** One metric of a text that Prometheus reads. */
export interface ExposedMetric {
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped';
  readonly help: string;
  readonly samples: readonly ExposedSample[];
}

export interface ExposedSample {
  /** With `_bucket`, `_sum` or `_count` where the metric is a histogram. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const HELP = new RegExp(`^# HELP (${NAME}) (.*)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|untyped)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)(?: -?[0-9]+)?$`);
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\n"])*)"(?:,|$)/;

/**
 * Reads the text format 0.0.4 by its grammar and throws at the first line that breaks it: samples without a TYPE, a
 * metric in two places, values that are no numbers, histograms whose buckets do not grow or do not end in +Inf.
 */
export function parseExposition(text: string): ReadonlyMap<string, ExposedMetric> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const metrics = new Map<string, { type: ExposedMetric['type']; help: string; samples: ExposedSample[] }>();
  const helps = new Map<string, string>();
  let current = '';
  for (const line of text.split('\n')) {
    const help = HELP.exec(line);
    const type = TYPE.exec(line);
    if (line === '') continue;
    if (help !== null) {
      helps.set(help[1] ?? '', help[2] ?? '');
    } else if (type !== null) {
      current = type[1] ?? '';
      if (metrics.has(current)) throw new Error(`${current} is declared twice`);
      metrics.set(current, {
        type: type[2] as ExposedMetric['type'],
        help: helps.get(current) ?? '',
        samples: [],
      });
    } else if (!line.startsWith('#')) {
      const sample = parseSample(line);
      const metric = metrics.get(current);
      if (metric === undefined || !belongs(sample.name, current, metric.type)) {
        throw new Error(`"${line}" does not stand below its TYPE`);
      }
      metric.samples.push(sample);
    }
  }
  for (const [name, metric] of metrics) checkMetric(name, metric);
  return metrics;
}

function parseSample(line: string): ExposedSample {
  const match = SAMPLE.exec(line);
  if (match === null) throw new Error(`"${line}" is no sample`);
  const [, name = '', labels = '', value = ''] = match;
  return { name, labels: parseLabels(labels), value: parseValue(value) };
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== '';) {
    const match = LABEL.exec(rest);
    const name = match?.[1];
    if (match === null || name === undefined) throw new Error(`"${text}" is no list of labels`);
    if (Object.hasOwn(labels, name)) throw new Error(`the label ${name} stands twice in "${text}"`);
    labels[name] = (match[2] ?? '').replace(/\\(.)/g, (_, next: string) => (next === 'n' ? '\n' : next));
    rest = rest.slice(match[0].length);
  }
  return labels;
}

function parseValue(text: string): number {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  const value = Number(text);
  if (Number.isNaN(value) && text !== 'NaN') throw new Error(`"${text}" is no value`);
  return value;
}

function belongs(sample: string, metric: string, type: ExposedMetric['type']): boolean {
  if (type !== 'histogram') return sample === metric;
  return ['_bucket', '_sum', '_count'].some((end) => sample === metric + end);
}

function checkMetric(name: string, metric: ExposedMetric): void {
  if (metric.help === '') throw new Error(`${name} has no HELP`);
  const keys = metric.samples.map(({ name: sample, labels }) => JSON.stringify([sample, labels]));
  if (new Set(keys).size !== keys.length) throw new Error(`${name} shows a series twice`);
  if (metric.type === 'histogram') checkHistogram(name, metric.samples);
}

function checkHistogram(name: string, samples: readonly ExposedSample[]): void {
  const series = new Map<string, { bounds: number[]; counts: number[]; count: number | undefined }>();
  for (const { name: sample, labels, value } of samples) {
    const { le, ...others } = labels;
    const key = JSON.stringify(others);
    const known = series.get(key) ?? { bounds: [], counts: [], count: undefined };
    series.set(key, known);
    if (sample === `${name}_count`) known.count = value;
    if (le === undefined) continue;
    known.bounds.push(parseValue(le));
    known.counts.push(value);
  }
  for (const { bounds, counts, count } of series.values()) {
    const isSorted = (list: readonly number[]): boolean =>
      list.every((value, at) => at === 0 || value >= (list[at - 1] ?? 0));
    if (bounds.at(-1) !== Infinity || counts.at(-1) !== count)
      throw new Error(`${name} does not end in +Inf`);
    if (!isSorted(bounds) || !isSorted(counts)) throw new Error(`the buckets of ${name} do not grow`);
  }
}
