import { closeSync, fstatSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import type { OutputDirectory } from '@opensandbox/process';
import type { ByteText } from './session-environment.ts';

/** A file that one run reads from and appends to. */
export interface RunFile {
  readonly path: string;
  /** What was appended to what the file was made with, up to `most` bytes. */
  appended(most: number): ByteText;
  close(): void;
}

/**
 * Makes a file. Where the system allows it loses its name at once and is opened through this process: nobody who
 * empties the directory for temporary files takes a session's state with it, and nothing is left to clean up.
 */
export function createRunFile(outputs: OutputDirectory, name: string, content: Uint8Array): RunFile {
  let file = outputs.create(name);
  const through = `/proc/${process.pid}/fd/${file.fd}`;
  rmSync(file.path, { force: true });
  const isNameless = leadsTo(through, file.fd);
  if (!isNameless) {
    closeSync(file.fd);
    file = outputs.create(name);
  }
  for (let at = 0; at < content.length;) at += writeSync(file.fd, content, at);

  return {
    path: isNameless ? through : file.path,
    appended(most) {
      const size = Math.min(most, fstatSync(file.fd).size - content.length);
      if (size <= 0) return '';
      const bytes = Buffer.alloc(size);
      return bytes.toString('latin1', 0, readSync(file.fd, bytes, 0, size, content.length));
    },
    close() {
      closeSync(file.fd);
      if (!isNameless) rmSync(file.path, { force: true });
    },
  };
}

/** Whether opening the path opens that very file. */
function leadsTo(path: string, fd: number): boolean {
  try {
    closeSync(openSync(path, 'r'));
    const [found, own] = [statSync(path), fstatSync(fd)];
    return found.ino === own.ino && found.dev === own.dev;
  } catch {
    return false; // no /proc, or one of another kind
  }
}
