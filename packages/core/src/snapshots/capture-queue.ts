import type { Clock, Scope } from '@opensandbox/base';
import type { CaptureProgress, CaptureWish } from '../ports/snapshots.ts';
import type { SandboxId } from '../sandbox.ts';

/** Captures that wait or are under way. One sandbox is captured once at a time; the others wait their turn. */
export interface CaptureQueue {
  readonly length: number;
  add(wish: CaptureWish): void;
  has(snapshotId: string): boolean;
  /** How far a capture has come, as a sentence; `undefined` when it is not here. */
  note(snapshotId: string): string | undefined;
  /** The engine is at it, and may show the sandbox as paused. */
  isCapturing(sandboxId: SandboxId): boolean;
  /** It is here, waiting or under way. */
  isWanted(sandboxId: SandboxId): boolean;
}

export interface CaptureQueues {
  readonly captures: CaptureQueue;
  /** Captures that were begun by somebody who is gone. */
  readonly recoveries: CaptureQueue;
}

/** The engine may show this sandbox as paused because it is being captured. */
export function isCapturing({ captures, recoveries }: CaptureQueues, id: SandboxId): boolean {
  return captures.isCapturing(id) || recoveries.isWanted(id);
}

export type RunCapture = (
  wish: CaptureWish,
  report: (progress: CaptureProgress) => void,
  signal: AbortSignal,
) => Promise<void>;

interface Entry {
  readonly wish: CaptureWish;
  /** When it was begun; `undefined` while it waits. */
  since: number | undefined;
  progress: CaptureProgress | undefined;
}

export interface CaptureQueueOptions {
  readonly clock: Clock;
  /** How many run at the same time. */
  readonly workers: number;
  /** Must not reject. */
  readonly run: RunCapture;
}

export function openCaptureQueue(options: CaptureQueueOptions, scope: Scope): CaptureQueue {
  const { clock, workers, run } = options;
  const entries = new Map<string, Entry>();
  const capturing = new Set<SandboxId>();

  function startWhatCan(): void {
    for (const entry of entries.values()) {
      if (capturing.size >= workers || scope.signal.aborted) return;
      if (entry.since === undefined && !capturing.has(entry.wish.sandboxId)) start(entry);
    }
  }

  function start(entry: Entry): void {
    const { snapshotId, sandboxId } = entry.wish;
    capturing.add(sandboxId);
    entry.since = clock.now();
    const report = (progress: CaptureProgress): void => void (entry.progress = progress);
    scope.run('snapshot', async (signal) => {
      try {
        await run(entry.wish, report, signal);
      } finally {
        capturing.delete(sandboxId);
        entries.delete(snapshotId);
        startWhatCan();
      }
    });
  }

  return {
    get length() {
      return entries.size;
    },
    add(wish) {
      entries.set(wish.snapshotId, { wish, since: undefined, progress: undefined });
      startWhatCan();
    },
    note(snapshotId) {
      const entry = entries.get(snapshotId);
      if (entry === undefined) return undefined;
      const { since, progress } = entry;
      if (since === undefined) return formatWaiting([...entries.keys()].indexOf(snapshotId));
      return progress === undefined ? undefined : formatProgress(progress, clock.now() - since);
    },
    has: (snapshotId) => entries.has(snapshotId),
    isCapturing: (sandboxId) => capturing.has(sandboxId),
    isWanted: (sandboxId) => [...entries.values()].some(({ wish }) => wish.sandboxId === sandboxId),
  };
}

function formatWaiting(before: number): string {
  return `Waiting for its turn: ${before} ${before === 1 ? 'snapshot is' : 'snapshots are'} before it.`;
}

function formatProgress({ message, bytes }: CaptureProgress, elapsedMs: number): string {
  const size = bytes === undefined || bytes === 0 ? '' : `, ${formatBytes(bytes)} to keep`;
  return `${message}: ${Math.floor(elapsedMs / 1000)} s so far${size}.`;
}

function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`;
}
