import { mkdirSync } from 'node:fs';
import type { ProcessControl } from '../../become.ts';
import { mount, MS_NODEV, MS_NOSUID } from './mounting.ts';
import { throughLoader } from './own-programs.ts';
import { dropCapabilities } from './rights.ts';
import type { SessionSpec } from './session-spec.ts';
import { readSpec, SERVE } from './session-spec.ts';
import { makeView } from './view.ts';

/** What the processes of a session find: nothing of the sandbox's environment acts on the agent itself. */
const BARE_ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

/**
 * The first process of a session's namespaces: makes the view, gives up what the session must not be able to do, and
 * becomes the session. Returns never, or throws.
 */
export function enterSession(control: ProcessControl, insideDirectory: string): void {
  const spec = readSpec(insideDirectory);
  makeView(spec, insideDirectory);
  process.chdir(spec.workspace.path);
  dropCapabilities();
  if (!spec.userNamespace) {
    control.setgroups?.(spec.groups);
    control.setgid?.(spec.gid);
    control.setuid?.(spec.uid);
  }
  const [file = '', ...args] = sessionProgram(spec);
  control.execve?.(file, [file, ...args], BARE_ENVIRONMENT);
  throw new Error('this runtime cannot replace a process');
}

/**
 * A shell is the first process, for it reaps what the session leaves behind. It starts the rest with SIGINT ignored,
 * which the launcher undoes: a run is interrupted by that signal.
 */
function sessionProgram(spec: SessionSpec): readonly string[] {
  const [file = '', ...rest] = spec.self;
  const launcher = `${spec.libraries}/launch`;
  const serve = [launcher, file, file, ...rest, SERVE];
  const reaped = [...throughLoader(spec.libraries, 'sh'), '-c', '"$@" & wait "$!"', 'session', ...serve];
  if (!spec.userNamespace) return reaped;
  const mapped = [`--map-user=${spec.uid}`, `--map-group=${spec.gid}`];
  return [...throughLoader(spec.libraries, 'unshare'), '--user', ...mapped, ...reaped];
}

/** Gives a directory room that can hold the changes of overlays, where the file system it is on cannot. */
export function makeRoom(directory: string, bytes: string): void {
  mkdirSync(directory, { recursive: true });
  const size = Number(bytes) > 0 ? `,size=${bytes}` : '';
  mount({
    source: 'tmpfs',
    target: directory,
    type: 'tmpfs',
    flags: MS_NOSUID | MS_NODEV,
    data: `mode=700${size}`,
  });
}
