/*
 * The launcher: `launch FILE NAME [ARGUMENT...]` becomes FILE, with NAME as its own name. A shell without job control
 * starts what runs beside it with SIGINT and SIGQUIT ignored, and no shell can undo that for its child; the launcher
 * sets both back to what they are by default. It runs once in every sandbox, in any image, so it is neither a
 * start of the agent's runtime (20 ms) nor a program that needs a C library: it is these few instructions.
 */

/** Each line: the bytes of an instruction, the instruction, what it is for. Followed by `TEXTS`. */
const X64 = `
  48 89 e3              mov rbx, rsp              ; the arguments: count, launch, FILE, NAME, ...
  31 c0                 xor eax, eax              ; thirty-two zero bytes: a sigaction of SIG_DFL
  50                    push rax
  50                    push rax
  50                    push rax
  50                    push rax
  bf 02 00 00 00        mov edi, 2                ; SIGINT
  48 89 e6              mov rsi, rsp
  31 d2                 xor edx, edx
  41 ba 08 00 00 00     mov r10d, 8               ; bytes in a signal set
  b8 0d 00 00 00        mov eax, 13               ; rt_sigaction
  0f 05                 syscall
  bf 03 00 00 00        mov edi, 3                ; SIGQUIT
  b8 0d 00 00 00        mov eax, 13
  0f 05                 syscall
  48 8b 0b              mov rcx, [rbx]
  48 8d 54 cb 10        lea rdx, [rbx+rcx*8+16]   ; the environment
  48 8b 7b 10           mov rdi, [rbx+16]         ; FILE
  48 8d 73 18           lea rsi, [rbx+24]         ; NAME and what follows
  b8 3b 00 00 00        mov eax, 59               ; execve
  0f 05                 syscall
  83 f8 f8              cmp eax, -8               ; ENOEXEC: a script that names no interpreter
  75 1e                 jne fail
  48 8b 43 10           mov rax, [rbx+16]         ; /bin/sh FILE ...
  48 89 43 18           mov [rbx+24], rax
  48 8d 3d 3c 00 00 00  lea rdi, [rip+shell]
  48 89 7b 10           mov [rbx+16], rdi
  48 8d 73 10           lea rsi, [rbx+16]
  b8 3b 00 00 00        mov eax, 59               ; execve
  0f 05                 syscall
  89 c3                 mov ebx, eax
  bf 02 00 00 00        mov edi, 2                ; standard error
  48 8d 35 27 00 00 00  lea rsi, [rip+message]
  ba 2b 00 00 00        mov edx, 43
  b8 01 00 00 00        mov eax, 1                ; write
  0f 05                 syscall
  31 ff                 xor edi, edi
  83 fb fe              cmp ebx, -2               ; ENOENT ends with 127, all else with 126
  40 0f 94 c7           sete dil
  83 c7 7e              add edi, 126
  b8 e7 00 00 00        mov eax, 231              ; exit_group
  0f 05                 syscall`;

const ARM64 = `
  f3 03 00 91           mov x19, sp               ; the arguments: count, launch, FILE, NAME, ...
  ff 7f be a9           stp xzr, xzr, [sp, #-32]! ; thirty-two zero bytes: a sigaction of SIG_DFL
  ff 7f 01 a9           stp xzr, xzr, [sp, #16]
  40 00 80 d2           mov x0, #2                ; SIGINT
  e1 03 00 91           mov x1, sp
  02 00 80 d2           mov x2, #0
  03 01 80 d2           mov x3, #8                ; bytes in a signal set
  c8 10 80 d2           mov x8, #134              ; rt_sigaction
  01 00 00 d4           svc #0
  60 00 80 d2           mov x0, #3                ; SIGQUIT
  01 00 00 d4           svc #0
  69 02 40 f9           ldr x9, [x19]
  62 0e 09 8b           add x2, x19, x9, lsl #3   ; the environment
  42 40 00 91           add x2, x2, #16
  60 0a 40 f9           ldr x0, [x19, #16]        ; FILE
  61 62 00 91           add x1, x19, #24          ; NAME and what follows
  a8 1b 80 d2           mov x8, #221              ; execve
  01 00 00 d4           svc #0
  1f 20 00 b1           cmn x0, #8                ; ENOEXEC: a script that names no interpreter
  e1 00 00 54           b.ne fail
  69 0a 40 f9           ldr x9, [x19, #16]        ; /bin/sh FILE ...
  69 0e 00 f9           str x9, [x19, #24]
  e0 01 00 10           adr x0, shell
  60 0a 00 f9           str x0, [x19, #16]
  61 42 00 91           add x1, x19, #16
  01 00 00 d4           svc #0
  f4 03 00 aa           mov x20, x0
  40 00 80 d2           mov x0, #2                ; standard error
  61 01 00 10           adr x1, message
  62 05 80 d2           mov x2, #43
  08 08 80 d2           mov x8, #64               ; write
  01 00 00 d4           svc #0
  9f 0a 00 b1           cmn x20, #2               ; ENOENT ends with 127, all else with 126
  e0 17 9f 9a           cset x0, eq
  00 f8 01 91           add x0, x0, #126
  c8 0b 80 d2           mov x8, #94               ; exit_group
  01 00 00 d4           svc #0`;

/** `shell` and `message`, which the instructions point at by their distance. */
const TEXTS = '/bin/sh\0[bootstrap] the command cannot be executed\n';

const LOAD_ADDRESS = 0x400000n;
const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const PT_LOAD = 1;
const PT_GNU_STACK = 0x6474e551;
const READ = 4;
const WRITE = 2;
const EXECUTE = 1;
/** The largest page size there is. */
const ALIGNMENT = 0x10000n;

export type LauncherTarget = 'x64' | 'arm64';

/** The launcher's instructions, which work at any address. */
export function launcherCode(target: LauncherTarget): Buffer {
  return Buffer.concat([assemble(target === 'x64' ? X64 : ARM64), Buffer.from(TEXTS, 'latin1')]);
}

/** The launcher as an executable file. */
export function buildLauncher(target: LauncherTarget): Buffer {
  const code = launcherCode(target);
  const start = HEADER_BYTES + 2 * SEGMENT_BYTES;
  const size = start + code.length;
  return Buffer.concat([
    fileHeader(target, start),
    segment(PT_LOAD, READ | EXECUTE, size),
    segment(PT_GNU_STACK, READ | WRITE, 0),
    code,
  ]);
}

/** The bytes of a listing: what stands before the instructions. */
export function assemble(listing: string): Buffer {
  const bytes = listing.split('\n').map((line) => /^ {2}((?:[0-9a-f]{2} )+)/.exec(line)?.[1] ?? '');
  return Buffer.from(bytes.join('').replaceAll(' ', ''), 'hex');
}

/** ELF, 64-bit, little endian, executable at a fixed address. */
function fileHeader(target: LauncherTarget, start: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(2, 16); // an executable
  header.writeUInt16LE(target === 'x64' ? 62 : 183, 18); // the machine
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(LOAD_ADDRESS + BigInt(start), 24);
  header.writeBigUInt64LE(BigInt(HEADER_BYTES), 32); // where the segments are told
  header.writeUInt16LE(HEADER_BYTES, 52);
  header.writeUInt16LE(SEGMENT_BYTES, 54);
  header.writeUInt16LE(2, 56);
  return header;
}

function segment(type: number, flags: number, bytes: number): Buffer {
  const header = Buffer.alloc(SEGMENT_BYTES);
  const isLoaded = bytes > 0;
  header.writeUInt32LE(type, 0);
  header.writeUInt32LE(flags, 4);
  header.writeBigUInt64LE(isLoaded ? LOAD_ADDRESS : 0n, 16);
  header.writeBigUInt64LE(isLoaded ? LOAD_ADDRESS : 0n, 24);
  header.writeBigUInt64LE(BigInt(bytes), 32);
  header.writeBigUInt64LE(BigInt(bytes), 40);
  header.writeBigUInt64LE(isLoaded ? ALIGNMENT : 16n, 48);
  return header;
}
