import type { Clock, Scope } from '@opensandbox/base';
import { createEngine, readVersion } from './engine.ts';
import type { Engine } from './engine.ts';
import type { Connection } from './connection.ts';
import { openTransport } from './transport.ts';
import { normaliseArch } from '../images/platform-match.ts';

export interface EnginePlatform {
  readonly os: string;
  readonly arch: string;
}

export interface OpenedEngine {
  readonly engine: Engine;
  /** What the engine runs by itself; `undefined` when it does not say. */
  readonly platform: EnginePlatform | undefined;
}

/** The API version that this driver was written for and tested with. */
const PREFERRED = '1.41';

/** Asks the engine for its version and speaks one that both sides know. */
export async function openEngine(
  connection: Connection,
  options: { readonly clock: Clock; readonly apiTimeoutMs: number },
  scope: Scope,
): Promise<OpenedEngine> {
  using unversioned = openTransport(connection, undefined, options.clock);
  const version = await readVersion(unversioned, scope.signal);
  const pinned = pinVersion(version.ApiVersion, version.MinAPIVersion);
  const transport = scope.own(openTransport(connection, pinned, options.clock));
  const { Os: os, Arch: arch } = version;
  return {
    engine: createEngine(transport, options.apiTimeoutMs),
    platform: os === undefined || arch === undefined ? undefined : { os, arch: normaliseArch(arch) },
  };
}

/** The preferred version, within what the engine offers: not above its newest, not below its oldest. */
export function pinVersion(newest: string, oldest: string | undefined): string {
  if (compareVersions(newest, PREFERRED) < 0) return newest;
  return oldest !== undefined && compareVersions(oldest, PREFERRED) > 0 ? oldest : PREFERRED;
}

function compareVersions(left: string, right: string): number {
  const [leftMajor = 0, leftMinor = 0] = left.split('.').map(Number);
  const [rightMajor = 0, rightMinor = 0] = right.split('.').map(Number);
  return leftMajor - rightMajor || leftMinor - rightMinor;
}
