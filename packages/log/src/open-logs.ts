import type { Clock, Fields, Logger } from '@opensandbox/base';
import { jsonLine, textLine } from './format-line.ts';
import type { FormatLine, LogLevel } from './format-line.ts';
import { openFileSink, streamSink } from './sinks.ts';
import type { Sink } from './sinks.ts';

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
  readonly fileEnabled: boolean;
  readonly filePath?: string | undefined;
  readonly accessFilePath?: string | undefined;
  readonly fileMaxBytes: number;
  readonly fileBackupCount: number;
}

/** The event of the one line that every request leaves; in file mode these lines have a file of their own. */
export const ACCESS_EVENT = 'http.request';

export interface Logs extends Disposable {
  readonly server: Logger;
}

export interface LogDeps {
  readonly clock: Clock;
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
}

const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

export function openLogs(options: LogOptions, deps: LogDeps): Logs {
  const { filePath, accessFilePath } = options;
  if (!options.fileEnabled || filePath === undefined || accessFilePath === undefined) {
    const sink = streamSink(deps.stdout);
    const format = lineFormat(options, deps.stdout.isTTY === true);
    return {
      server: openLogger({ options, deps, format, sinkOf: () => sink }),
      [Symbol.dispose]: () => undefined,
    };
  }
  const limits = { maxBytes: options.fileMaxBytes, backupCount: options.fileBackupCount };
  const sink = openFileSink({ path: filePath, ...limits });
  // Two sinks on one file would rotate under each other.
  const accessSink = accessFilePath === filePath ? sink : openFileSink({ path: accessFilePath, ...limits });
  const sinkOf = (event: string): Sink => (event === ACCESS_EVENT ? accessSink : sink);
  return {
    server: openLogger({ options, deps, format: lineFormat(options, false), sinkOf }),
    [Symbol.dispose]() {
      sink[Symbol.dispose]();
      if (accessSink !== sink) accessSink[Symbol.dispose]();
    },
  };
}

function lineFormat(options: LogOptions, colour: boolean): FormatLine {
  return options.format === 'json' ? jsonLine : textLine({ colour, padLevel: options.fileEnabled });
}

interface Writer {
  readonly options: LogOptions;
  readonly deps: LogDeps;
  readonly format: FormatLine;
  readonly sinkOf: (event: string) => Sink;
}

function openLogger(writer: Writer): Logger {
  const { options, deps, format, sinkOf } = writer;
  const least = SEVERITY[options.level];
  function logger(bound: Fields): Logger {
    const log = (level: LogLevel) => (event: string, fields?: Fields) => {
      if (SEVERITY[level] < least) return;
      const name = event === ACCESS_EVENT ? { logger: 'access' } : {};
      sinkOf(event).write(
        format({ time: deps.clock.now(), level, event, fields: { ...name, ...bound, ...fields } }),
      );
    };
    return {
      child: (fields) => logger({ ...bound, ...fields }),
      debug: log('debug'),
      info: log('info'),
      warn: log('warn'),
      error: log('error'),
    };
  }
  return logger({});
}
