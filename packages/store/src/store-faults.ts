import { Fault } from '@opensandbox/base';

/** Any error of SQLite or of the file system as a Fault that says what to do. */
export function storeFault(error: unknown, path: string): Fault {
  if (error instanceof Fault) return error;
  const code = codeOf(error);
  if (code.startsWith('SQLITE_NOTADB') || code.startsWith('SQLITE_CORRUPT')) {
    return failed(
      error,
      `The store ${path} is not a database that can be read (${code}). Move it away, or restore it from a ` +
        'backup, and start again: sandboxes that still run are then adopted from the engine.',
    );
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    const message =
      `The store ${path} is locked by another process (${code}). Stop that process, or set store.path to ` +
      'another file.';
    return busy(message, error);
  }
  if (code.startsWith('SQLITE_FULL') || code === 'ENOSPC') {
    return failed(error, `The disk that holds the store ${path} is full (${code}). Make room and try again.`);
  }
  return failed(
    error,
    `The store ${path} cannot be used (${code}). Check that its directory exists and that this user may write ` +
      'there, or set store.path to another file.',
  );
}

/** A caller has waited for as long as a write may take. */
export function writeTooSlow(limitMs: number): Fault {
  return busy(
    `The store did not finish writing within ${limitMs / 1000} seconds: its disk is slow or hangs, or another ` +
      'process holds it. Check the disk, and try again.',
    undefined,
  );
}

function busy(message: string, cause: unknown): Fault {
  return new Fault('unavailable', 'store.busy', message, { cause, retryAfterMs: 1000 });
}

function failed(cause: unknown, message: string): Fault {
  return new Fault('internal', 'store.failed', message, { cause });
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown error';
}
