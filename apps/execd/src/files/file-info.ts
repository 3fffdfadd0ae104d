import type { BigIntStats } from 'node:fs';
import type { AccountNames } from './account-names.ts';

/** One entry of the file system as clients read it. */
export interface FileInfo {
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'other';
  readonly size: number;
  readonly modified_at: string;
  /** When the entry itself last changed: Linux file systems do not tell when it was created. */
  readonly created_at: string;
  readonly owner: string;
  readonly group: string;
  /** Permission bits as octal digits read as a decimal number: 0o644 is 644. */
  readonly mode: number;
}

export type EntryStats = Pick<BigIntStats, 'mode' | 'size' | 'uid' | 'gid' | 'mtimeNs' | 'ctimeNs'>;

export function formatFileInfo(path: string, stats: EntryStats, accounts: AccountNames): FileInfo {
  return {
    path,
    type: entryType(Number(stats.mode)),
    size: Number(stats.size),
    modified_at: formatTime(stats.mtimeNs),
    created_at: formatTime(stats.ctimeNs),
    owner: accounts.userName(Number(stats.uid)),
    group: accounts.groupName(Number(stats.gid)),
    mode: Number((Number(stats.mode) & 0o777).toString(8)),
  };
}

function entryType(mode: number): FileInfo['type'] {
  switch (mode & 0o170000) {
    case 0o100000:
      return 'file';
    case 0o040000:
      return 'directory';
    case 0o120000:
      return 'symlink';
    default:
      return 'other';
  }
}

const NS_PER_SECOND = 1_000_000_000n;

/** RFC 3339 with the nanoseconds that are there, in the zone of the sandbox. */
export function formatTime(epochNs: bigint, offsetMinutes = zoneOffsetMinutes(epochNs)): string {
  let fraction = epochNs % NS_PER_SECOND;
  if (fraction < 0n) fraction += NS_PER_SECOND;
  const seconds = Number((epochNs - fraction) / NS_PER_SECOND);
  const text = new Date((seconds + offsetMinutes * 60) * 1000).toISOString().slice(0, 19);
  const digits = fraction === 0n ? '' : `.${fraction.toString().padStart(9, '0').replace(/0+$/, '')}`;
  return text + digits + formatOffset(offsetMinutes);
}

function formatOffset(minutes: number): string {
  if (minutes === 0) return 'Z';
  const sign = minutes < 0 ? '-' : '+';
  const size = Math.abs(minutes);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${sign}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

function zoneOffsetMinutes(epochNs: bigint): number {
  return -new Date(Number(epochNs / 1_000_000n)).getTimezoneOffset();
}
