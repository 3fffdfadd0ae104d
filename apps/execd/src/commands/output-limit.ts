import { closeSync, constants, openSync, statfsSync, statSync } from 'node:fs';
import type { Clock, Logger } from '@opensandbox/base';
import { sleep } from '@opensandbox/base';
import { callLibc } from '../libc.ts';
import type { CommandGroup } from './command-record.ts';
import type { CommandRecords } from './command-records.ts';

const MEBIBYTE = 1024 * 1024;
/** What can be asked for of one background command: its last 256 MiB, on a small disk less. */
const KEPT_BYTES = 256 * MEBIBYTE;
const KEPT_SHARE_OF_DISK = 1 / 8;
/** This much more may pile up, so that something is dropped only now and then. */
const SLACK = 1.25;
/** Whole blocks of every usual file system. */
const BLOCK_BYTES = 64 * 1024;

const LOOK_EVERY_MS = 1000;
const LOOK_SOON_MS = 50;
/** From fallocate(2): free the blocks, keep the size. Offsets stay what they were, and the writer notices nothing. */
const PUNCH_HOLE_KEEP_SIZE = 3;

/** The offset before which bytes are dropped now; undefined when all may stay. */
export function dropBefore(output: {
  readonly size: number;
  readonly firstByte: number;
  readonly keptBytes: number;
}): number | undefined {
  const { size, firstByte, keptBytes } = output;
  if (size - firstByte <= keptBytes * SLACK) return undefined;
  return Math.floor((size - keptBytes) / BLOCK_BYTES) * BLOCK_BYTES;
}

export interface LimitDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly records: CommandRecords;
}

/** Drops the oldest output of a background command as it grows, as long as anything of it runs. */
export async function limitOutput(
  deps: LimitDeps,
  command: { readonly id: string; readonly group: CommandGroup },
  signal: AbortSignal,
): Promise<void> {
  let isGrowing = false;
  let lastSize = 0;
  while (command.group.isAlive()) {
    await sleep(deps.clock, isGrowing ? LOOK_SOON_MS : LOOK_EVERY_MS, signal);
    const size = trim(deps, command.id);
    if (size === undefined) return;
    isGrowing = size - lastSize > MEBIBYTE;
    lastSize = size;
  }
}

/** How large the output is; undefined when there is nothing that could be limited. */
function trim({ records, log }: LimitDeps, id: string): number | undefined {
  const { outputPath: path, firstByte = 0 } = records.get(id) ?? {};
  if (path === undefined) return undefined;
  try {
    const { size } = statSync(path);
    const { bsize, blocks } = statfsSync(path);
    const keptBytes = Math.min(KEPT_BYTES, bsize * blocks * KEPT_SHARE_OF_DISK);
    const end = dropBefore({ size, firstByte, keptBytes });
    if (end !== undefined) {
      punch(path, end);
      records.drop(id, end);
    }
    return size;
  } catch (error) {
    log.warn('command.output_not_limited', { id, error }); // removed, or a file system that cannot do it
    return undefined;
  }
}

function punch(path: string, end: number): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    callLibc('fallocate', fd, PUNCH_HOLE_KEEP_SIZE, 0, end);
  } finally {
    closeSync(fd);
  }
}
