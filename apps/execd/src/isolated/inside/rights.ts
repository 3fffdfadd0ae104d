import { installFilter } from '../../install-filter.ts';
import { addressOf, callLibc } from '../../libc.ts';
import { seccompFilter } from './seccomp-filter.ts';

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
  clearInheritable();
}

const CAPGET = process.arch === 'arm64' ? 90 : 125;
const CAPSET = process.arch === 'arm64' ? 91 : 126;
const CAPABILITY_VERSION = 0x20080522;
/** In each of two words' triples: effective, permitted, inheritable. */
const TRIPLE_BYTES = 12;
const INHERITABLE_AT = 8;

/** Some engines start containers with inheritable capabilities, and root's next program gets those again. */
function clearInheritable(): void {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(CAPABILITY_VERSION, 0);
  const sets = Buffer.alloc(2 * TRIPLE_BYTES);
  callLibc('syscall', CAPGET, addressOf(header), addressOf(sets), null);
  sets.writeUInt32LE(0, INHERITABLE_AT);
  sets.writeUInt32LE(0, TRIPLE_BYTES + INHERITABLE_AT);
  callLibc('syscall', CAPSET, addressOf(header), addressOf(sets), null);
}

function isKnown(capability: number): boolean {
  try {
    return callLibc('prctl', PR_CAPBSET_READ, capability, 0, 0, 0) === 1;
  } catch {
    return false; // beyond the kernel's last
  }
}

/**
 * Forbids this process and all it starts to make namespaces or mounts, and what else a session has no use for. Every
 * thread of this process is included: any of them may start a program.
 */
export function restrictSystemCalls(): void {
  installFilter(seccompFilter(process.arch));
}
