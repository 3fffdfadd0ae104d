import type { Credentials } from '@opensandbox/process';
import { findProgram } from '@opensandbox/process';

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Where the agent's own C library is installed, and beside it a shell for images that have none. */
const OWN_LIBRARIES = '/opt/opensandbox/lib';

/**
 * The program and first arguments of a shell: bash where there is one, else sh, else the agent's own through the
 * agent's own loader. None of them reads any start-up file.
 */
export function findShell(
  searchPath: string | undefined,
  find: typeof findProgram = findProgram,
): readonly [string, ...string[]] {
  const path = searchPath === undefined || searchPath === '' ? DEFAULT_PATH : searchPath;
  const found = find('bash', path) ?? find('sh', path) ?? find('sh', '/bin');
  if (found !== undefined) return [found];
  const own = find('sh', OWN_LIBRARIES);
  const loader = `${OWN_LIBRARIES}/ld.so`;
  return own === undefined ? ['/bin/sh'] : [loader, '--library-path', OWN_LIBRARIES, own];
}

/** A program with its arguments and environment, ready to be started. */
export interface Invocation {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export const RUN_AS = 'run-as';

/** Keeps variables meant for the program from taking effect in the agent's own loader and runtime. */
const CARRIED = '@';

/**
 * The same program under other credentials. The runtime's own spawn would drop the supplementary groups, so
 * the agent starts itself once more, changes what it runs as and becomes the program.
 */
export function runAs(
  credentials: Credentials,
  invocation: Invocation,
  self: readonly [string, ...string[]],
): Invocation {
  const [file, ...prefix] = self;
  const { uid, gid, groups } = credentials;
  const wanted = [String(uid), String(gid), groups.join(',')];
  const carried = Object.entries(invocation.env).map(([name, value]) => [CARRIED + name, value]);
  return {
    file,
    args: [...prefix, RUN_AS, ...wanted, invocation.file, ...invocation.args],
    env: Object.fromEntries(carried) as Record<string, string>,
  };
}

/** What `runAs` put into the arguments and the environment, read back by the started agent. */
export function parseRunAs(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): { readonly credentials: Credentials; readonly invocation: Invocation } | undefined {
  const [mode, uid, gid, groups = '', file, ...rest] = args;
  if (mode !== RUN_AS || file === undefined) return undefined;
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (name.startsWith(CARRIED) && value !== undefined) env[name.slice(CARRIED.length)] = value;
  }
  const credentials = { uid: Number(uid), gid: Number(gid), groups: groups.split(',').map(Number) };
  return { credentials, invocation: { file, args: rest, env } };
}
