import { closeSync, constants, openSync } from 'node:fs';
import { Fault } from '@opensandbox/base';
import { errorText } from '@opensandbox/process';
import { callLibc } from '../libc.ts';
import type { TerminalSize } from './program.ts';

/** What the kernel calls its terminal requests; the same on every processor this agent is built for. */
const REQUEST = {
  getAttributes: 0x5401,
  setAttributes: 0x5402,
  getForegroundGroup: 0x540f,
  setSize: 0x5414,
  getNumber: 0x80045430,
  setLock: 0x40045431,
} as const;

const ATTRIBUTES_BYTES = 64;
/** Lets the terminal's own line editing erase whole characters. */
const INPUT_IS_UTF8 = 0x4000;
const READABLE = 1;

/** The controlling side of a pseudo terminal. */
export interface Terminal {
  /** Does not wait: neither for bytes nor for room. */
  readonly fd: number;
  /** Where the program's side is found. */
  readonly path: string;
  setSize(size: TerminalSize): void;
  /** The process group that Ctrl-C reaches; undefined when there is none. */
  foregroundGroup(): number | undefined;
  close(): void;
}

/** Throws a Fault with the reason when there is no terminal to be had. */
export function openTerminal(size: TerminalSize): Terminal {
  const { O_RDWR, O_NOCTTY, O_NONBLOCK } = constants;
  let fd: number | undefined;
  try {
    fd = openSync('/dev/ptmx', O_RDWR | O_NOCTTY | O_NONBLOCK);
    return prepareTerminal(fd, size);
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    const message = `no terminal can be opened: ${errorText(error)}`;
    throw new Fault('unavailable', 'pty.no_terminal', message, { cause: error });
  }
}

function prepareTerminal(fd: number, size: TerminalSize): Terminal {
  request(fd, REQUEST.setLock, Buffer.alloc(4));
  const path = `/dev/pts/${readInteger(fd, REQUEST.getNumber)}`;
  const attributes = Buffer.alloc(ATTRIBUTES_BYTES);
  request(fd, REQUEST.getAttributes, attributes);
  attributes.writeUInt32LE(attributes.readUInt32LE(0) | INPUT_IS_UTF8, 0);
  request(fd, REQUEST.setAttributes, attributes);
  setSize(fd, size);
  return {
    fd,
    path,
    setSize: (wanted) => setSize(fd, wanted),
    foregroundGroup() {
      try {
        const group = readInteger(fd, REQUEST.getForegroundGroup);
        return group > 0 ? group : undefined;
      } catch {
        return undefined; // nobody has it as controlling terminal
      }
    },
    close: () => closeSync(fd),
  };
}

function setSize(fd: number, { cols, rows }: TerminalSize): void {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(rows, 0);
  bytes.writeUInt16LE(cols, 2);
  request(fd, REQUEST.setSize, bytes);
}

function readInteger(fd: number, name: number): number {
  const bytes = Buffer.alloc(4);
  request(fd, name, bytes);
  return bytes.readInt32LE(0);
}

function request(fd: number, name: number, bytes: Uint8Array): void {
  callLibc('ioctl', fd, name, bytes);
}

/** Whether bytes can be read from a descriptor now. */
export function hasInput(fd: number): boolean {
  const entry = Buffer.alloc(8);
  entry.writeInt32LE(fd, 0);
  entry.writeInt16LE(READABLE, 4);
  return callLibc('poll', entry, 1, 0) > 0 && (entry.readInt16LE(6) & READABLE) !== 0;
}
