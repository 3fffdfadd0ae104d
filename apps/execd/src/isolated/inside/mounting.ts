import { callLibc, cString } from '../../libc.ts';

export const MS_RDONLY = 1;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MS_REMOUNT = 32;
export const MS_BIND = 4096;
export const MS_REC = 16384;
export const MS_PRIVATE = 1 << 18;

const FLAG_OF_OPTION: Readonly<Record<string, number>> = {
  ro: MS_RDONLY,
  nosuid: MS_NOSUID,
  nodev: MS_NODEV,
  noexec: MS_NOEXEC,
  noatime: 1024,
  nodiratime: 2048,
  relatime: 1 << 21,
};

export interface Mount {
  readonly source?: string;
  readonly target: string;
  readonly type?: string;
  readonly flags?: number;
  readonly data?: string;
}

/** Throws what the system says, with the place it said it about. */
export function mount({ source, target, type, flags = 0, data }: Mount): void {
  try {
    callLibc('mount', text(source), cString(target), text(type), flags, text(data));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`mount ${type ?? source ?? ''} on ${target}: ${reason}`, { cause: error });
  }
}

function text(value: string | undefined): Uint8Array | null {
  return value === undefined ? null : cString(value);
}

export function flagsOf(options: readonly string[]): number {
  return options.reduce((flags, option) => flags | (FLAG_OF_OPTION[option] ?? 0), 0);
}
