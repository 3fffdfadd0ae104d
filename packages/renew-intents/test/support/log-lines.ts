import type { Fields, Logger } from '@opensandbox/base';

export interface LogLines {
  readonly log: Logger;
  readonly lines: readonly { readonly event: string; readonly fields: Fields }[];
  count(event: string): number;
  /** Everything that was logged, as text. */
  text(): string;
}

export function captureLines(): LogLines {
  const lines: { event: string; fields: Fields }[] = [];
  const note = (event: string, fields: Fields = {}): void => void lines.push({ event, fields });
  const log: Logger = { child: () => log, debug: note, info: note, warn: note, error: note };
  return {
    log,
    lines,
    count: (event) => lines.filter((line) => line.event === event).length,
    text: () => JSON.stringify(lines),
  };
}
