import { closeSync, constants, lstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { failedWith } from '../../files/system-errors.ts';
import { coverDevices, holdDevices, mountProc } from './kernel-places.ts';
import { longestWithin, parseMountInfo } from './mount-table.ts';
import type { MountPoint } from './mount-table.ts';
import {
  flagsOf,
  mount,
  MS_BIND,
  MS_NODEV,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
} from './mounting.ts';
import { INSIDE_DIR } from './session-spec.ts';
import type { SessionSpec, SpecBind } from './session-spec.ts';

/** An open directory by which it is reached whatever is mounted over its path in the meantime. */
interface Held extends SpecBind {
  readonly fd: number;
}

/**
 * Makes what a session sees, in a mount namespace of its own: the sandbox's files, read-only but for what was asked
 * for. Places are mounted over and the root stays the root: to change it takes more rights than containers get, and a
 * changed root is one that can be left again.
 */
export function makeView(spec: SessionSpec, insideDirectory: string): void {
  mount({ target: '/', flags: MS_REC | MS_PRIVATE });
  const { workspace } = spec;
  const isOverlay = workspace.mode === 'overlay';
  const own = { source: workspace.path, dest: workspace.path, readonly: workspace.mode === 'ro' };
  const inside = { source: insideDirectory, dest: INSIDE_DIR, readonly: false };
  mkdirSync('/tmp', { recursive: true });
  const tmp = spec.privateTmp ? [] : [{ source: '/tmp', dest: '/tmp', readonly: false }];
  const held = [...tmp, ...agentPlaces(), ...(isOverlay ? [] : [own]), ...spec.binds, inside].map(hold);
  const layers = isOverlay ? [workspace.path, workspace.upper, workspace.work].map(openPlace) : [];
  const devices = holdDevices(openPlace);

  cover('/run', 'mode=755');
  if (spec.privateTmp) cover('/tmp', 'mode=1777');
  coverDevices(devices);
  if (isOverlay) mountOverlay(workspace.path, layers);
  for (const bind of held) bindHeld(bind);
  const covered = ['/run', '/dev', '/proc', spec.upperRoot, ...(spec.privateTmp ? ['/tmp'] : [])];
  makeReadOnly(covered, isOverlay ? [...held, { ...own, readonly: false }] : held);
  mount({ source: 'none', target: spec.upperRoot, type: 'tmpfs', flags: MS_RDONLY, data: 'size=4k,mode=0' });
  mountProc();
  for (const fd of [...held.map((bind) => bind.fd), ...layers, ...devices.values()]) closeSync(fd);
}

/** Where the agent and the sandbox's first process keep the variables of commands and the authorities to trust. */
const RUNTIME_DIR = '/tmp/.opensandbox';

/** A session may read them, but not change what other commands run with. */
function agentPlaces(): SpecBind[] {
  const isThere = lstatSync(RUNTIME_DIR, { throwIfNoEntry: false })?.isDirectory() === true;
  return isThere ? [{ source: RUNTIME_DIR, dest: RUNTIME_DIR, readonly: true }] : [];
}

function openPlace(path: string): number {
  return openSync(path, constants.O_RDONLY | O_PATH);
}

/** Not among the runtime's constants; the same number on every processor. */
const O_PATH = 0x20_0000;

function hold(bind: SpecBind): Held {
  return { ...bind, fd: openPlace(bind.source) };
}

/** Some images have no such place; then the sandbox gets it, empty. */
function cover(target: string, data: string): void {
  mkdirSync(target, { recursive: true });
  mount({ source: 'tmpfs', target, type: 'tmpfs', flags: MS_NOSUID | MS_NODEV, data });
}

function mountOverlay(target: string, [lower = 0, upper = 0, work = 0]: readonly number[]): void {
  const data = `lowerdir=${fdPath(lower)},upperdir=${fdPath(upper)},workdir=${fdPath(work)}`;
  makePlace(target);
  mount({ source: 'overlay', target, type: 'overlay', flags: MS_NOSUID | MS_NODEV, data });
}

function bindHeld({ fd, dest }: Held): void {
  makePlace(dest);
  mount({ source: fdPath(fd), target: dest, flags: MS_BIND | MS_REC });
}

function fdPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/** Below what was covered nothing exists yet; elsewhere the place must be there already. */
function makePlace(path: string): void {
  if (/^\/(run|tmp)\//.test(path)) mkdirSync(path, { recursive: true });
}

/** Every mount that is neither covered nor given for writing. Which rule holds is told by the nearest directory. */
function makeReadOnly(covered: readonly string[], binds: readonly SpecBind[]): void {
  const rules = new Map<string, 'leave' | 'protect'>(covered.map((path) => [path, 'leave']));
  for (const { dest, readonly } of binds) rules.set(dest, readonly ? 'protect' : 'leave');
  const mounts = parseMountInfo(readFileSync('/proc/self/mountinfo', 'latin1'));
  const uppermost = new Map(mounts.map((point) => [point.path, point]));
  for (const point of uppermost.values()) {
    const rule = rules.get(longestWithin(point.path, rules.keys()) ?? '') ?? 'protect';
    if (rule === 'protect') protect(point);
  }
}

function protect({ path, options }: MountPoint): void {
  try {
    mount({ target: path, flags: MS_REMOUNT | MS_BIND | MS_RDONLY | flagsOf(options) });
  } catch (error) {
    // Something else is mounted over it, and that is protected itself.
    const cause = error instanceof Error ? error.cause : undefined;
    if (!failedWith(cause, 'EINVAL', 'ENOENT', 'ENOTDIR')) throw error;
  }
}
