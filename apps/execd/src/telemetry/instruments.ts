import type { Outcome } from './telemetry.ts';

export type ExecutionOperation = 'run_command' | 'run_code' | 'run_in_session';

export type FilesystemOperation =
  | 'info'
  | 'delete'
  | 'chmod'
  | 'rename'
  | 'mkdir'
  | 'rmdir'
  | 'listdir'
  | 'search'
  | 'replace'
  | 'upload'
  | 'download';

export interface RequestFacts {
  readonly method: string;
  readonly route: string;
  readonly status: number;
}

/** What can be measured. Durations are in milliseconds. */
export interface Instruments {
  request(facts: RequestFacts, durationMs: number): void;
  execution(operation: ExecutionOperation, result: Outcome, durationMs: number): void;
  filesystem(operation: FilesystemOperation, result: Outcome, durationMs: number): void;
}
