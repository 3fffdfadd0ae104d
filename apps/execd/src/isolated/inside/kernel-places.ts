import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { mount, MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_REMOUNT } from './mounting.ts';

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];
const DEVICE_LINKS: Readonly<Record<string, string>> = {
  fd: '/proc/self/fd',
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
  ptmx: 'pts/ptmx',
};

/** The devices of the sandbox that a session gets, open. */
export function holdDevices(open: (path: string) => number): ReadonlyMap<string, number> {
  const there = DEVICES.filter((name) => existsSync(`/dev/${name}`));
  return new Map(there.map((name) => [name, open(`/dev/${name}`)]));
}

export function coverDevices(devices: ReadonlyMap<string, number>): void {
  mount({ source: 'tmpfs', target: '/dev', type: 'tmpfs', flags: MS_NOSUID, data: 'mode=755,size=64k' });
  for (const [name, fd] of devices) {
    writeFileSync(`/dev/${name}`, '');
    mount({ source: `/proc/self/fd/${fd}`, target: `/dev/${name}`, flags: MS_BIND });
  }
  for (const [name, target] of Object.entries(DEVICE_LINKS)) symlinkSync(target, `/dev/${name}`);
  mkdirSync('/dev/shm');
  const shared = { source: 'tmpfs', target: '/dev/shm', type: 'tmpfs', data: 'mode=1777' };
  mount({ ...shared, flags: MS_NOSUID | MS_NODEV });
  mkdirSync('/dev/pts');
  const terminals = 'newinstance,ptmxmode=0666,mode=620';
  mount({
    source: 'devpts',
    target: '/dev/pts',
    type: 'devpts',
    flags: MS_NOSUID | MS_NOEXEC,
    data: terminals,
  });
}

/** What the kernel shows or takes there concerns the whole machine. */
const PROC_READ_ONLY = ['sys', 'sysrq-trigger', 'irq', 'bus', 'fs'];
const PROC_HIDDEN = ['kcore', 'keys', 'timer_list', 'latency_stats', 'sched_debug', 'acpi', 'scsi', 'asound'];

/** The processes of this process namespace, and no more of the kernel than containers are shown. */
export function mountProc(): void {
  const flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  mount({ source: 'proc', target: '/proc', type: 'proc', flags });
  for (const path of PROC_READ_ONLY.map((name) => `/proc/${name}`).filter((path) => existsSync(path))) {
    mount({ source: path, target: path, flags: MS_BIND });
    mount({ target: path, flags: MS_REMOUNT | MS_BIND | MS_RDONLY | flags });
  }
  for (const path of PROC_HIDDEN.map((name) => `/proc/${name}`).filter((path) => existsSync(path))) {
    if (statSync(path).isDirectory()) {
      mount({ source: 'none', target: path, type: 'tmpfs', flags: flags | MS_RDONLY, data: 'size=4k' });
    } else mount({ source: '/dev/null', target: path, flags: MS_BIND });
  }
}
