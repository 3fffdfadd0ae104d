export type { LogLevel } from './format-line.ts';
export { ACCESS_EVENT, openLogs } from './open-logs.ts';
export type { LogDeps, LogOptions, Logs } from './open-logs.ts';
export { redactText } from './redact.ts';
export { openFileSink } from './sinks.ts';
