import type { Clock, Logger, Scope } from '@opensandbox/base';
import { createEngine } from './engine.ts';
import type { Engine } from './engine.ts';
import type { Connection } from './connection.ts';
import { negotiate } from './negotiated-transport.ts';
import { openTransport } from './transport.ts';
import { tellWhere } from '../faults.ts';
import { normaliseArch } from '../images/platform-match.ts';

export interface EnginePlatform {
  readonly os: string;
  readonly arch: string;
}

export interface OpenedEngine {
  readonly engine: Engine;
  /** What the engine runs by itself; `undefined` when it does not say. */
  readonly platform: EnginePlatform | undefined;
  /** Agrees on an API version anew: the engine may have been replaced since. */
  readonly renewVersion: (signal: AbortSignal) => Promise<void>;
}

/** Connects to the engine and agrees with it on an API version, at first and whenever it turns out to be another. */
export async function openEngine(
  connection: Connection,
  options: { readonly clock: Clock; readonly log: Logger; readonly apiTimeoutMs: number },
  scope: Scope,
): Promise<OpenedEngine> {
  const unversioned = scope.own(openTransport(connection, undefined, options.clock));
  const wish = { log: options.log, apiVersion: connection.apiVersion };
  const negotiating = negotiate(unversioned, wish, scope.signal);
  const { transport, version } = await negotiating.catch((error: unknown) => {
    throw tellWhere(error, connection);
  });
  const { Os: os, Arch: arch } = version;
  return {
    engine: createEngine(transport, options.apiTimeoutMs),
    platform: os === undefined || arch === undefined ? undefined : { os, arch: normaliseArch(arch) },
    renewVersion: (signal) => transport.renew(signal),
  };
}
