import type { Fields, Logger } from '@opensandbox/base';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly event: string;
  readonly fields: Fields;
}

export interface LogCapture extends Logger {
  readonly lines: readonly LogLine[];
  /** How many lines carry this event. */
  count(event: string): number;
}

/** A logger that remembers. Children write into the same list, with their fields merged in. */
export function captureLog(): LogCapture {
  const lines: LogLine[] = [];
  const logger = (inherited: Fields): Logger => {
    const write =
      (level: LogLine['level']) =>
      (event: string, fields: Fields = {}): void =>
        void lines.push({ level, event, fields: { ...inherited, ...fields } });
    return {
      child: (fields) => logger({ ...inherited, ...fields }),
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    };
  };
  return {
    ...logger({}),
    lines,
    count: (event) => lines.filter((line) => line.event === event).length,
  };
}
