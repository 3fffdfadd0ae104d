import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Where finished lines go. */
export interface Sink extends Disposable {
  write(line: string): void;
}

export function streamSink(stream: { write(text: string): unknown }): Sink {
  return {
    write: (line) => void stream.write(`${line}\n`),
    [Symbol.dispose]: () => undefined,
  };
}

export interface FileSinkOptions {
  readonly path: string;
  readonly maxBytes: number;
  readonly backupCount: number;
}

/**
 * Appends to a file. A line that would pass `maxBytes` goes into a new file: `server.log` becomes
 * `server.log.1`, that one `server.log.2`, up to `backupCount`. Every line is written at once, so nothing is
 * lost when the process dies.
 */
export function openFileSink(options: FileSinkOptions): Sink {
  const { path, maxBytes, backupCount } = options;
  mkdirSync(dirname(path), { recursive: true });
  let file = openSync(path, 'a', 0o640);
  let size = fstatSync(file).size;

  function rotate(): void {
    if (backupCount === 0) rmSync(path, { force: true });
    for (let n = backupCount - 1; n >= 1; n -= 1) renameIfThere(`${path}.${n}`, `${path}.${n + 1}`);
    if (backupCount > 0) renameIfThere(path, `${path}.1`);
    const next = openSync(path, 'a', 0o640);
    closeSync(file);
    file = next;
    size = fstatSync(file).size;
  }

  return {
    write(line) {
      const bytes = Buffer.from(`${line}\n`);
      try {
        if (size > 0 && size + bytes.byteLength > maxBytes) rotate();
      } catch {
        // goes on in the old file, and tries again with the next line
      }
      try {
        size += writeSync(file, bytes);
      } catch {
        // a disk that is full must not stop the server
      }
    },
    [Symbol.dispose]: () => closeSync(file),
  };
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
