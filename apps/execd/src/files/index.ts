import { tmpdir } from 'node:os';
import { createKeyedLock, silentLogger, systemClock } from '@opensandbox/base';
import type { Clock, Logger } from '@opensandbox/base';
import type { Hono } from 'hono';
import { loadAccountNames } from './account-names.ts';
import type { FileContext } from './file-context.ts';
import { hostPathResolver } from './path-resolver.ts';
import type { HostView, PathResolver } from './path-resolver.ts';
import { fileRoutesOf } from './routes.ts';

export type { FileContext } from './file-context.ts';
export { hostPathResolver } from './path-resolver.ts';
export type { HostView, PathResolver } from './path-resolver.ts';
export { fileRoutesOf } from './routes.ts';

export interface FilesDeps extends HostView {
  /** Holds what cannot be received in the directory it is meant for. The system's temporary directory if absent. */
  readonly spoolDirectory?: string;
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** The filesystem routes of the agent, at their full paths. Paths mean what they mean to this process. */
export function filesRoutes(deps: FilesDeps): Hono {
  return fileRoutesOf(openFileContext(deps, hostPathResolver(deps)), deps.log ?? silentLogger);
}

/** Another view of the file system is the same context with another resolver. */
export function openFileContext(deps: FilesDeps, resolve: PathResolver): FileContext {
  return {
    resolve,
    loadAccounts: () => loadAccountNames(),
    clock: deps.clock ?? systemClock(),
    spoolDirectory: deps.spoolDirectory ?? tmpdir(),
    rewrites: createKeyedLock<string>(),
  };
}
