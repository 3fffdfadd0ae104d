import type { Clock, Logger } from '@opensandbox/base';
import type { Environment, OutputDirectory, PipeSystem } from '@opensandbox/process';
import type { BunRuntime } from '../bun-runtime.ts';

/** What it takes to start a program. */
export interface ProgramDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly bun: BunRuntime;
  /** The agent's environment without what commands must not see. */
  readonly environment: Environment;
  readonly outputs: OutputDirectory;
  readonly pipes: PipeSystem;
}
