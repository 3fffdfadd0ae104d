import { addressOf, callLibc } from './libc.ts';

const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP = process.arch === 'arm64' ? 277 : 317;
const SET_MODE_FILTER = 1;
const ALL_THREADS = 1;

/**
 * Has the kernel ask a filter about the system calls of this process with all its threads, and of all it will start.
 * It cannot be undone.
 */
export function installFilter(instructions: Uint8Array): void {
  // struct sock_fprog: the number of instructions and where they are.
  const program = Buffer.alloc(16);
  program.writeUInt16LE(instructions.length / 8, 0);
  program.writeBigUInt64LE(addressOf(instructions), 8);
  callLibc('prctl', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const thread = callLibc('syscall', SECCOMP, SET_MODE_FILTER, ALL_THREADS, program);
  // The kernel names the thread it could not bring along, and has then installed nothing.
  if (thread !== 0) throw new Error(`thread ${thread} has a filter of its own`);
}
