/** What a processor calls the system calls that the filter knows. */
interface Processor {
  /** AUDIT_ARCH of the kernel. */
  readonly audit: number;
  readonly clone: number;
  readonly refused: readonly number[];
}

const CLONE3 = 435;
/** open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr: the same number on every processor. */
const NEW_MOUNT_CALLS = [428, 429, 430, 431, 432, 433, 442];

const PROCESSORS: Readonly<Record<string, Processor>> = {
  x64: {
    audit: 0xc000003e,
    clone: 56,
    // pivot_root, chroot, mount, umount2, init_module, kexec_load, add_key, request_key, keyctl, unshare,
    // perf_event_open, open_by_handle_at, setns, finit_module, kexec_file_load, bpf, userfaultfd
    refused: [155, 161, 165, 166, 175, 246, 248, 249, 250, 272, 298, 304, 308, 313, 320, 321, 323],
  },
  arm64: {
    audit: 0xc00000b7,
    clone: 220,
    refused: [41, 51, 40, 39, 105, 104, 217, 218, 219, 97, 241, 265, 268, 273, 294, 280, 282],
  },
};

const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_AT_LEAST = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const JUMP_ANY_BIT = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K
const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const FAIL = 0x00050000;
const EPERM = 1;
const ENOSYS = 38;
/** Of the structure that a filter reads: number, architecture, lower half of the first argument. */
const NUMBER_AT = 0;
const ARCHITECTURE_AT = 4;
const FIRST_ARGUMENT_AT = 16;
/** Calls of the x32 interface, which have numbers of their own. */
const X32 = 0x40000000;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET; not NEWTIME, whose bit is an exit signal's. */
const NEW_NAMESPACES = 0x7e020000;

/** Refuses what makes namespaces and mounts. `clone3` is unknown then, and libraries fall back to `clone`. */
export function seccompFilter(architecture: string): Uint8Array {
  const processor = PROCESSORS[architecture];
  if (processor === undefined) throw new Error(`there is no filter for the processor ${architecture}`);
  const refused = [...processor.refused, ...NEW_MOUNT_CALLS];
  const code = [
    instruction(LOAD, ARCHITECTURE_AT),
    instruction(JUMP_EQUAL, processor.audit, 1, 0),
    instruction(RETURN, KILL),
    instruction(LOAD, NUMBER_AT),
    instruction(JUMP_AT_LEAST, X32, 0, 1),
    instruction(RETURN, FAIL | ENOSYS),
    instruction(JUMP_EQUAL, CLONE3, 0, 1),
    instruction(RETURN, FAIL | ENOSYS),
    ...refused.flatMap((number) => [
      instruction(JUMP_EQUAL, number, 0, 1),
      instruction(RETURN, FAIL | EPERM),
    ]),
    instruction(JUMP_EQUAL, processor.clone, 0, 3),
    instruction(LOAD, FIRST_ARGUMENT_AT),
    instruction(JUMP_ANY_BIT, NEW_NAMESPACES, 0, 1),
    instruction(RETURN, FAIL | EPERM),
    instruction(RETURN, ALLOW),
  ];
  return Buffer.concat(code);
}

function instruction(code: number, operand: number, whenTrue = 0, whenFalse = 0): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(whenTrue, 2);
  bytes.writeUInt8(whenFalse, 3);
  bytes.writeUInt32LE(operand >>> 0, 4);
  return bytes;
}
