import type { Clock, Logger, Secret } from '@opensandbox/base';
import type { SandboxDirectory } from '../directory.ts';
import { openServerApi } from './server-api.ts';
import { createServerDirectory } from './server-directory.ts';

export interface ServerSourceOptions {
  readonly url: URL;
  readonly apiKey: Secret | undefined;
  readonly way: 'direct' | 'proxy';
  readonly freshMs: number;
}

/** The directory of a server, with the connections that belong to it. */
export function openServerSource(
  { url, apiKey, way, freshMs }: ServerSourceOptions,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): { readonly directory: SandboxDirectory } & AsyncDisposable {
  const api = openServerApi({ url, apiKey }, clock);
  const directory = createServerDirectory({ way, freshMs }, { api, clock, log });
  return { directory, [Symbol.asyncDispose]: () => api.close() };
}
