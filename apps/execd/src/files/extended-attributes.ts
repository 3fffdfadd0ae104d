import { callLibc, cString } from '../libc.ts';
import { failedWith } from './system-errors.ts';

/** Gives one open file the extended attributes of another, and no others: access control lists are among them. */
export function copyExtendedAttributes(from: number, to: number): void {
  const wanted = readAttributes(from);
  const present = readAttributes(to);
  for (const name of present.keys()) {
    if (!wanted.has(name)) callLibc('fremovexattr', to, cString(name));
  }
  for (const [name, value] of wanted) {
    if (present.get(name)?.equals(value) === true) continue;
    callLibc('fsetxattr', to, cString(name), value.length === 0 ? null : value, value.length, 0);
  }
}

/** The kernel gives labels by the place a file is made in, and takes capabilities from a file that is written to. */
const KERNEL_KEEPS = 'security.';

function readAttributes(file: number): ReadonlyMap<string, Buffer> {
  const names = readWhole((buffer) => callLibc('flistxattr', file, buffer, buffer.length)).toString('utf8');
  const attributes = new Map<string, Buffer>();
  for (const name of names.split('\0')) {
    if (name === '' || name.startsWith(KERNEL_KEEPS)) continue;
    const value = readWhole((buffer) => callLibc('fgetxattr', file, cString(name), buffer, buffer.length));
    attributes.set(name, value);
  }
  return attributes;
}

/** More than the kernel lets a value, or all names, be. */
const LONGEST_BYTES = 64 * 1024;
const USUAL_BYTES = 1024;

function readWhole(read: (buffer: Buffer) => number): Buffer {
  for (const size of [USUAL_BYTES, LONGEST_BYTES]) {
    const buffer = Buffer.alloc(size);
    try {
      return buffer.subarray(0, read(buffer));
    } catch (error) {
      if (failedWith(error, 'ENOTSUP', 'EOPNOTSUPP')) return Buffer.alloc(0);
      if (!failedWith(error, 'ERANGE') || size === LONGEST_BYTES) throw error;
    }
  }
  return Buffer.alloc(0);
}
