/*
 * A program that answers over HTTP on one port: what the doctor puts into a container to see whether this server
 * would reach sandboxes. It has to run on an engine that may not have a single image, in an image that holds nothing
 * else, so it is these few instructions.
 */

/** Each line: the bytes of an instruction, the instruction, what it is for. Followed by an address and `ANSWER`. */
const X64 = `
  6a 29                 push 0x29                 ; socket
  58                    pop rax
  6a 02                 push 0x2                  ; AF_INET
  5f                    pop rdi
  6a 01                 push 0x1                  ; SOCK_STREAM
  5e                    pop rsi
  31 d2                 xor edx, edx
  0f 05                 syscall
  89 c3                 mov ebx, eax
  89 df                 mov edi, ebx
  48 8d 35 47 00 00 00  lea rsi, [rip+address]
  6a 10                 push 0x10
  5a                    pop rdx
  6a 31                 push 0x31                 ; bind
  58                    pop rax
  0f 05                 syscall
  89 df                 mov edi, ebx
  6a 10                 push 0x10
  5e                    pop rsi
  6a 32                 push 0x32                 ; listen
  58                    pop rax
  0f 05                 syscall
  89 df                 mov edi, ebx
  31 f6                 xor esi, esi
  31 d2                 xor edx, edx
  6a 2b                 push 0x2b                 ; accept
  58                    pop rax
  0f 05                 syscall
  89 c5                 mov ebp, eax
  89 ef                 mov edi, ebp
  48 8d 74 24 80        lea rsi, [rsp-0x80]
  6a 7f                 push 0x7f                 ; the beginning of the question is enough
  5a                    pop rdx
  31 c0                 xor eax, eax              ; read
  0f 05                 syscall
  89 ef                 mov edi, ebp
  48 8d 35 21 00 00 00  lea rsi, [rip+answer]
  6a 3b                 push 0x3b
  5a                    pop rdx
  6a 01                 push 0x1                  ; write
  58                    pop rax
  0f 05                 syscall
  89 ef                 mov edi, ebp
  6a 03                 push 0x3                  ; close
  58                    pop rax
  0f 05                 syscall
  eb cb                 jmp again`;

const ARM64 = `
  40 00 80 d2           mov x0, #2                ; AF_INET
  21 00 80 d2           mov x1, #1                ; SOCK_STREAM
  02 00 80 d2           mov x2, #0
  c8 18 80 d2           mov x8, #198              ; socket
  01 00 00 d4           svc #0
  f3 03 00 aa           mov x19, x0
  61 03 00 10           adr x1, address
  02 02 80 d2           mov x2, #16
  08 19 80 d2           mov x8, #200              ; bind
  01 00 00 d4           svc #0
  e0 03 13 aa           mov x0, x19
  01 02 80 d2           mov x1, #16
  28 19 80 d2           mov x8, #201              ; listen
  01 00 00 d4           svc #0
  e0 03 13 aa           mov x0, x19               ; again:
  01 00 80 d2           mov x1, #0
  02 00 80 d2           mov x2, #0
  48 19 80 d2           mov x8, #202              ; accept
  01 00 00 d4           svc #0
  f4 03 00 aa           mov x20, x0
  e1 03 02 d1           sub x1, sp, #128
  e2 0f 80 d2           mov x2, #127              ; the beginning of the question is enough
  e8 07 80 d2           mov x8, #63               ; read
  01 00 00 d4           svc #0
  e0 03 14 aa           mov x0, x20
  81 01 00 10           adr x1, answer
  62 07 80 d2           mov x2, #59
  08 08 80 d2           mov x8, #64               ; write
  01 00 00 d4           svc #0
  e0 03 14 aa           mov x0, x20
  28 07 80 d2           mov x8, #57               ; close
  01 00 00 d4           svc #0
  ee ff ff 17           b again`;

/** Its length stands in the instructions. */
const ANSWER = 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';

const LOAD_ADDRESS = 0x400000n;
const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const AF_INET = 2;
const ADDRESS_BYTES = 16;
/** The largest page size there is. */
const ALIGNMENT = 0x10000n;

export type ListenerTarget = 'x64' | 'arm64';

/** The target that an engine names in its own words, if there is a listener for it. */
export function listenerTarget(arch: string): ListenerTarget | undefined {
  switch (arch.toLowerCase()) {
    case 'x86_64':
    case 'amd64':
      return 'x64';
    case 'aarch64':
    case 'arm64':
      return 'arm64';
    default:
      return undefined;
  }
}

/** The listener as an executable file. */
export function buildListener(target: ListenerTarget, port: number): Buffer {
  const address = Buffer.alloc(ADDRESS_BYTES);
  address.writeUInt16LE(AF_INET, 0);
  address.writeUInt16BE(port, 2);
  const code = Buffer.concat([assemble(target === 'x64' ? X64 : ARM64), address, Buffer.from(ANSWER)]);
  const start = HEADER_BYTES + SEGMENT_BYTES;
  return Buffer.concat([fileHeader(target, start), segment(start + code.length), code]);
}

function assemble(listing: string): Buffer {
  const bytes = listing.split('\n').map((line) => /^ {2}((?:[0-9a-f]{2} )+)/.exec(line)?.[1] ?? '');
  return Buffer.from(bytes.join('').replaceAll(' ', ''), 'hex');
}

/** ELF, 64-bit, little endian, executable at a fixed address. */
function fileHeader(target: ListenerTarget, start: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(2, 16); // an executable
  header.writeUInt16LE(target === 'x64' ? 62 : 183, 18); // the machine
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(LOAD_ADDRESS + BigInt(start), 24);
  header.writeBigUInt64LE(BigInt(HEADER_BYTES), 32); // where the segment is told
  header.writeUInt16LE(HEADER_BYTES, 52);
  header.writeUInt16LE(SEGMENT_BYTES, 54);
  header.writeUInt16LE(1, 56);
  return header;
}

/** The whole file, to be read and executed. */
function segment(bytes: number): Buffer {
  const header = Buffer.alloc(SEGMENT_BYTES);
  header.writeUInt32LE(1, 0);
  header.writeUInt32LE(5, 4);
  header.writeBigUInt64LE(LOAD_ADDRESS, 16);
  header.writeBigUInt64LE(LOAD_ADDRESS, 24);
  header.writeBigUInt64LE(BigInt(bytes), 32);
  header.writeBigUInt64LE(BigInt(bytes), 40);
  header.writeBigUInt64LE(ALIGNMENT, 48);
  return header;
}
