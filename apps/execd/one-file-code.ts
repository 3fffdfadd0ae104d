import { assemble, launcherCode } from './launcher.ts';
import type { LauncherTarget } from './launcher.ts';

/*
 * The first instructions of the agent as one file. They put the libraries into memory files, tell the loader which, and
 * give the process to the loader, which the kernel has mapped with the rest of the file. `execd --launch FILE NAME ...`
 * is the launcher instead.
 *
 * What they read stands at `DATA`, one `DISTANCE` before them. Each line: bytes, instruction, what it is for.
 */

/** How far before the instructions their data is. */
export const DISTANCE = 0x10000;

/** Where in the data the instructions find what they need. */
export const DATA = {
  /** The eight characters of `--launch`. */
  flag: 0,
  /** The loader's first instruction. */
  entry: 8,
  /** Pairs of what the kernel tells the loader: kind and new value; kind 0 ends them. */
  changes: 16,
  /** Triples: address, bytes, end of the path that takes the number; address 0 ends them. */
  libraries: 96,
  /** How /proc calls the memory files. */
  name: 216,
  message: 224,
  end: 272,
} as const;

/** Exactly as long as the instructions say. */
export const MESSAGE = 'execd: no memory files here, so it cannot start\n';

const X64 = `
  48 89 e3                mov rbx, rsp               ; the arguments: count, execd, --launch, FILE, NAME, ...
  48 83 3b 03             cmp qword ptr [rbx], 3
  72 23                   jb agent
  48 8b 73 10             mov rsi, [rbx+16]
  48 8b 05 ec ff fe ff    mov rax, [rip+flag]        ; is the first argument --launch?
  48 3b 06                cmp rax, [rsi]
  75 13                   jne agent
  48 ff 0b                dec qword ptr [rbx]        ; then what follows it are the arguments of the launcher
  48 8b 03                mov rax, [rbx]
  48 89 43 08             mov [rbx+8], rax
  48 8d 63 08             lea rsp, [rbx+8]
  e9 f9 00 00 00          jmp launcher
 agent:
  4c 8d 25 2d 00 ff ff    lea r12, [rip+libraries]   ; of each library: its place, its bytes, where its number goes
 next:
  4d 8b 2c 24             mov r13, [r12]
  4d 8b 74 24 08          mov r14, [r12+8]
  4d 85 ed                test r13, r13
  74 78                   jz start
  48 8d 3d 90 00 ff ff    lea rdi, [rip+name]
  be 09 00 00 00          mov esi, 9                 ; closed in children, not to be executed
  b8 3f 01 00 00          mov eax, 319               ; memfd_create
  0f 05                   syscall
  85 c0                   test eax, eax
  79 1b                   jns write
  48 8d 3d 79 00 ff ff    lea rdi, [rip+name]
  be 01 00 00 00          mov esi, 1                 ; kernels before 6.3 know only the former
  b8 3f 01 00 00          mov eax, 319
  0f 05                   syscall
  85 c0                   test eax, eax
  0f 88 8e 00 00 00       js fail
 write:
  41 89 c7                mov r15d, eax
 more:
  44 89 ff                mov edi, r15d
  4c 89 ee                mov rsi, r13
  4c 89 f2                mov rdx, r14
  b8 01 00 00 00          mov eax, 1
  0f 05                   syscall
  48 85 c0                test rax, rax
  7e 76                   jle fail
  49 01 c5                add r13, rax
  49 29 c6                sub r14, rax
  75 e3                   jnz more
  49 8b 7c 24 10          mov rdi, [r12+16]          ; its number takes the place of the last slashes in the library's path
  44 89 f8                mov eax, r15d
  b9 0a 00 00 00          mov ecx, 10
 digit:
  31 d2                   xor edx, edx
  f7 f1                   div ecx
  80 c2 30                add dl, 48
  48 ff cf                dec rdi
  88 17                   mov [rdi], dl
  85 c0                   test eax, eax
  75 f0                   jnz digit
  49 83 c4 18             add r12, 24
  e9 7a ff ff ff          jmp next
 start:
  48 8b 0b                mov rcx, [rbx]
  48 8d 7c cb 10          lea rdi, [rbx+rcx*8+16]
 skip:
  48 83 c7 08             add rdi, 8
  48 83 7f f8 00          cmp qword ptr [rdi-8], 0   ; the environment ends
  75 f5                   jne skip
 aux:
  48 8b 07                mov rax, [rdi]             ; what the kernel tells the loader: kind, value
  48 8d 35 3a ff fe ff    lea rsi, [rip+changes]     ; what of it changes
 change:
  48 3b 06                cmp rax, [rsi]
  75 08                   jne other
  48 8b 4e 08             mov rcx, [rsi+8]
  48 89 4f 08             mov [rdi+8], rcx
 other:
  48 83 c6 10             add rsi, 16
  48 83 3e 00             cmp qword ptr [rsi], 0
  75 e9                   jne change
  48 83 c7 10             add rdi, 16
  48 85 c0                test rax, rax
  75 d6                   jnz aux
  48 89 dc                mov rsp, rbx               ; as if the kernel had started the loader
  31 d2                   xor edx, edx
  ff 25 07 ff fe ff       jmp [rip+entry]
 fail:
  bf 02 00 00 00          mov edi, 2
  48 8d 35 d3 ff fe ff    lea rsi, [rip+message]
  ba 30 00 00 00          mov edx, 48
  b8 01 00 00 00          mov eax, 1
  0f 05                   syscall
  bf 7e 00 00 00          mov edi, 126               ; cannot be executed
  b8 e7 00 00 00          mov eax, 231               ; exit_group
  0f 05                   syscall`;

const ARM64 = `
  f3 03 00 91   mov x19, sp                ; the arguments: count, execd, --launch, FILE, NAME, ...
  69 02 40 f9   ldr x9, [x19]
  3f 0d 00 f1   cmp x9, #3
  43 01 00 54   b.lo agent
  6a 0a 40 f9   ldr x10, [x19, #16]
  6b ff f7 58   ldr x11, flag              ; is the first argument --launch?
  4a 01 40 f9   ldr x10, [x10]
  5f 01 0b eb   cmp x10, x11
  a1 00 00 54   b.ne agent
  29 05 00 d1   sub x9, x9, #1             ; then what follows it are the arguments of the launcher
  69 06 00 f9   str x9, [x19, #8]
  73 22 00 91   add x19, x19, #8           ; sp must stay as it is; the first instruction there is passed over
  3d 00 00 14   b launcher+4
 agent:
  74 01 f8 10   adr x20, libraries         ; of each library: its place, its bytes, where its number goes
 next:
  95 5a 40 a9   ldp x21, x22, [x20]
  f5 03 00 b4   cbz x21, start
  c0 04 f8 10   adr x0, name
  21 01 80 d2   mov x1, #9                 ; closed in children, not to be executed
  e8 22 80 d2   mov x8, #279               ; memfd_create
  01 00 00 d4   svc #0
  a0 00 f8 36   tbz w0, #31, write
  20 04 f8 10   adr x0, name
  21 00 80 d2   mov x1, #1                 ; kernels before 6.3 know only the former
  01 00 00 d4   svc #0
  00 05 f8 37   tbnz w0, #31, fail
 write:
  f7 03 00 2a   mov w23, w0
 more:
  e0 03 17 2a   mov w0, w23
  e1 03 15 aa   mov x1, x21
  e2 03 16 aa   mov x2, x22
  08 08 80 d2   mov x8, #64                ; write
  01 00 00 d4   svc #0
  1f 00 00 f1   cmp x0, #0
  0d 04 00 54   b.le fail
  b5 02 00 8b   add x21, x21, x0
  d6 02 00 eb   subs x22, x22, x0
  e1 fe ff 54   b.ne more
  89 0a 40 f9   ldr x9, [x20, #16]         ; its number takes the place of the last slashes in the library's path
  4c 01 80 52   mov w12, #10
 digit:
  ea 0a cc 1a   udiv w10, w23, w12
  4b dd 0c 1b   msub w11, w10, w12, w23
  6b c1 00 11   add w11, w11, #48
  2b fd 1f 38   strb w11, [x9, #-1]!
  f7 03 0a 2a   mov w23, w10
  77 ff ff 35   cbnz w23, digit
  94 62 00 91   add x20, x20, #24
  e1 ff ff 17   b next
 start:
  69 02 40 f9   ldr x9, [x19]
  69 0e 09 8b   add x9, x19, x9, lsl #3
  29 41 00 91   add x9, x9, #16
 skip:
  2a 85 40 f8   ldr x10, [x9], #8
  ea ff ff b5   cbnz x10, skip             ; the environment ends
 aux:
  2a 01 40 f9   ldr x10, [x9]              ; what the kernel tells the loader: kind, value
  0b fa f7 10   adr x11, changes           ; what of it changes
 change:
  6c 35 c1 a8   ldp x12, x13, [x11], #16
  5f 01 0c eb   cmp x10, x12
  41 00 00 54   b.ne other
  2d 05 00 f9   str x13, [x9, #8]
 other:
  6c 01 40 f9   ldr x12, [x11]
  6c ff ff b5   cbnz x12, change
  29 41 00 91   add x9, x9, #16
  ea fe ff b5   cbnz x10, aux
  a9 f8 f7 58   ldr x9, entry
  00 00 80 d2   mov x0, #0
  20 01 1f d6   br x9
 fail:
  40 00 80 d2   mov x0, #2
  e1 fe f7 10   adr x1, message
  02 06 80 d2   mov x2, #48
  08 08 80 d2   mov x8, #64
  01 00 00 d4   svc #0
  c0 0f 80 d2   mov x0, #126               ; cannot be executed
  c8 0b 80 d2   mov x8, #94                ; exit_group
  01 00 00 d4   svc #0`;

export function oneFileCode(target: LauncherTarget): Buffer {
  return Buffer.concat([assemble(target === 'x64' ? X64 : ARM64), launcherCode(target)]);
}
