import { addressOf, callLibc } from '../../libc.ts';
import { seccompFilter } from './seccomp-filter.ts';

const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAPBSET_DROP = 24;
const PR_CAPBSET_READ = 23;
const LAST_CAPABILITY = 63;

/**
 * What root may do in a session: own its files and become another user. Without the rest it can neither mount, nor
 * look at other processes' memory, nor open files by handle, nor make devices.
 */
const CHOWN = 0;
const DAC_OVERRIDE = 1;
const FOWNER = 3;
const FSETID = 4;
const KILL = 5;
const SETGID = 6;
const SETUID = 7;
const NET_BIND_SERVICE = 10;
const SETFCAP = 31;
const KEPT = new Set([CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE, SETFCAP]);

/** Takes effect with the next program this process becomes. */
export function dropCapabilities(): void {
  for (let capability = 0; capability <= LAST_CAPABILITY; capability += 1) {
    if (KEPT.has(capability) || !isKnown(capability)) continue;
    callLibc('prctl', PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
}

function isKnown(capability: number): boolean {
  try {
    return callLibc('prctl', PR_CAPBSET_READ, capability, 0, 0, 0) === 1;
  } catch {
    return false; // beyond the kernel's last
  }
}

const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_TSYNC = 1;

/**
 * Forbids this process and all it starts to make namespaces or mounts, and what else a session has no use for. Every
 * thread of this process is included: any of them may start a program.
 */
export function restrictSystemCalls(): void {
  const filter = seccompFilter(process.arch);
  callLibc('prctl', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  // struct sock_fprog: the number of instructions and where they are.
  const program = Buffer.alloc(16);
  program.writeUInt16LE(filter.instructions.length / 8, 0);
  program.writeBigUInt64LE(addressOf(filter.instructions), 8);
  callLibc('syscall', filter.install, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, program);
}
