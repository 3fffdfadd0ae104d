import type { ProcessTable } from '../engine/answers.ts';

/** A table whose columns are as wide as their widest cell. */
export function formatProcesses({ Titles: titles = [], Processes: processes }: ProcessTable): string {
  const rows = [titles, ...(processes ?? [])];
  const widths = titles.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return rows.map((row) => `${line(row)}\n`).join('');
}
