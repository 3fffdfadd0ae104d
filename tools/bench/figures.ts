/** The value below which `share` of the samples lie. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

export async function timed<T>(work: () => Promise<T>): Promise<{ readonly ms: number; readonly value: T }> {
  const started = performance.now();
  const value = await work();
  return { ms: performance.now() - started, value };
}

/** Runs `work` for every index, `width` at a time. */
export async function inParallel<T>(
  count: number,
  width: number,
  work: (index: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) results[index] = await work(index);
  };
  await Promise.all(Array.from({ length: width }, lane));
  return results;
}

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target: string;
  readonly met: boolean;
  readonly note?: string;
}

export interface Bound {
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly note?: string;
}

/** A figure that must stay at or below (or, with `atLeast`, at or above) a bound. */
export function figure(name: string, value: number, unit: string, bound: Bound): Figure {
  const { note } = bound;
  const met = bound.atMost === undefined ? value >= (bound.atLeast ?? 0) : value <= bound.atMost;
  const target = bound.atMost === undefined ? `>= ${round(bound.atLeast ?? 0)}` : `<= ${round(bound.atMost)}`;
  return { name, value: round(value), unit, target, met, ...(note === undefined ? {} : { note }) };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

export function table(figures: readonly Figure[]): string {
  const rows = figures.map((f) => [
    f.name,
    `${f.value} ${f.unit}`,
    `${f.target} ${f.unit}`,
    f.met ? 'met' : 'MISSED',
    f.note ?? '',
  ]);
  const head = ['what', 'measured', 'target', '', 'note'];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join(
    '\n',
  );
}
