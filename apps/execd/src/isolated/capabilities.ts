import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { VERSION } from '../version.ts';
import type { SessionSpec } from './inside/session-spec.ts';
import type { IsolationConfig } from './isolation-config.ts';
import type { IsolatorDeps } from './isolator.ts';
import { librariesOf, placeOf, prepareRoot, probe } from './isolator.ts';

/** What this sandbox lets isolated sessions be. */
export interface Capabilities {
  readonly available: boolean;
  /** Why not, and what to do about it. */
  readonly message: string | undefined;
  readonly setpriv: boolean;
  readonly userns: boolean;
  readonly overlay: boolean;
}

const SYS_ADMIN = 1n << 21n;
const NEEDED =
  'isolated sessions need CAP_SYS_ADMIN and no AppArmor profile that forbids mounts: start the container with ' +
  '--cap-add SYS_ADMIN --security-opt apparmor=unconfined, or set docker.isolation = true at the server';

/** Tries what sessions are made of. Takes a few tenths of a second, so it is asked once, at the first use. */
export async function findCapabilities(deps: IsolatorDeps, config: IsolationConfig): Promise<Capabilities> {
  const libraries = librariesOf(deps.self);
  const missing = ['ld.so', 'unshare', 'sh', 'launch'].filter((name) => !existsSync(join(libraries, name)));
  if (missing.length > 0) return unavailable(`this agent was built without ${missing.join(', ')}`);
  if (!hasCapability(SYS_ADMIN)) return unavailable(NEEDED);
  try {
    await prepareRoot(deps, config.upperRoot, config.upperMaxBytes);
  } catch (error) {
    return unavailable(`${config.upperRoot} cannot be made: ${String(error)}`);
  }
  const attempt = (userNamespace: boolean, mode: 'overlay' | 'ro'): Promise<string | undefined> => {
    const place = placeOf(config.upperRoot, `probe-${userNamespace ? 'userns' : 'setpriv'}-${mode}`);
    return probe(deps, probeSpec(deps, config, { place, userNamespace, mode }), place);
  };
  const overlayProblem = await attempt(false, 'overlay');
  const setprivProblem = overlayProblem === undefined ? undefined : await attempt(false, 'ro');
  const usernsProblem = await attempt(true, 'ro');
  const setpriv = setprivProblem === undefined;
  const userns = usernsProblem === undefined;
  for (const problem of new Set([overlayProblem, setprivProblem, usernsProblem])) {
    if (problem !== undefined) deps.log.warn('isolation.limited', { problem });
  }
  if (!setpriv && !userns) return unavailable(`${setprivProblem}; ${NEEDED}`);
  return { available: true, message: undefined, setpriv, userns, overlay: overlayProblem === undefined };
}

function unavailable(message: string): Capabilities {
  return { available: false, message, setpriv: false, userns: false, overlay: false };
}

/** The capabilities this process may use now. */
function hasCapability(bit: bigint): boolean {
  try {
    const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
    return (BigInt(`0x${mask ?? '0'}`) & bit) !== 0n;
  } catch {
    return false;
  }
}

function probeSpec(
  deps: IsolatorDeps,
  config: IsolationConfig,
  wanted: {
    readonly place: { readonly upper: string; readonly work: string };
    readonly userNamespace: boolean;
    readonly mode: 'overlay' | 'ro';
  },
): SessionSpec {
  const { upper, work } = wanted.place;
  return {
    // A directory that surely exists. Nothing is written to it.
    workspace: { path: dirname(deps.self[0]), mode: wanted.mode, upper, work },
    binds: [],
    privateTmp: true,
    upperRoot: config.upperRoot,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    groups: [],
    userNamespace: wanted.userNamespace,
    env: {},
    libraries: librariesOf(deps.self),
    self: deps.self,
    isProbe: true,
  };
}

/** As clients read it. */
export function formatCapabilities(found: Capabilities): Readonly<Record<string, unknown>> {
  return {
    available: found.available,
    isolator: 'namespaces',
    version: VERSION,
    ...(found.message === undefined ? {} : { message: found.message }),
    setpriv_available: found.setpriv,
    userns_available: found.userns,
    commit_supported: found.overlay,
    diff_supported: found.overlay,
  };
}
