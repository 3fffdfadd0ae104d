export type Fields = Readonly<Record<string, unknown>>;

/** Structured log: a dotted event name first, fields second. `error` means a person should look. */
export interface Logger {
  child(fields: Fields): Logger;
  debug(event: string, fields?: Fields): void;
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
}

/** A logger that drops everything. */
export const silentLogger: Logger = {
  child: () => silentLogger,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
