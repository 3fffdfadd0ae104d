import type { Captured, SnapshotFacet } from '@opensandbox/core/ports';
import { checkAborted, Fault, sleep } from '@opensandbox/base';
import type { FakeEngine } from './engine.ts';

const POLL_MS = 100;
const MESSAGE = 'Fake snapshot created successfully.';

export interface FakeSnapshotOptions {
  readonly engine: FakeEngine;
  readonly captureMs: number;
}

export function fakeSnapshots({ engine, captureMs }: FakeSnapshotOptions): SnapshotFacet {
  const { images } = engine;
  const captured = (snapshotId: string): Captured | undefined =>
    images.has(snapshotId) ? { image: imageName(snapshotId), message: MESSAGE } : undefined;
  return {
    async capture(wish, report, signal) {
      checkAborted(signal);
      engine.checkReachable('capture');
      const seen = engine.read(wish.sandboxId);
      if (seen === undefined) {
        throw new Fault('not_found', 'sandbox.not_found', `Sandbox ${wish.sandboxId} not found.`);
      }
      if (seen.phase !== 'running' && seen.phase !== 'paused') {
        throw new Fault('conflict', 'snapshot.source_state', `Sandbox ${wish.sandboxId} does not run.`);
      }
      report({ message: 'Copying the file system', bytes: undefined });
      images.begin(engine, wish, captureMs);
      while (images.isUnderWay(wish.snapshotId)) {
        await sleep(engine.clock, Math.min(POLL_MS, Math.max(1, captureMs)), signal);
        engine.checkReachable('capture');
      }
      const made = captured(wish.snapshotId);
      if (made !== undefined) return made;
      throw new Fault('internal', 'snapshot.failed', 'The fake engine could not copy the files.');
    },
    async recover({ snapshotId, sandboxId }, report, signal) {
      for (;;) {
        checkAborted(signal);
        engine.checkReachable('recover');
        if (images.has(snapshotId) || !images.isCapturing(sandboxId)) return captured(snapshotId);
        report({ message: 'Waiting for the engine to finish', bytes: undefined });
        await sleep(engine.clock, POLL_MS, signal);
      }
    },
    async remove(snapshotId, signal) {
      checkAborted(signal);
      engine.checkReachable('forget');
      if (engine.usesSnapshot(snapshotId)) {
        const message = 'snapshot image cannot be deleted due to a conflict: sandboxes use it';
        throw new Fault('conflict', 'snapshot.delete_conflict', message);
      }
      images.remove(snapshotId);
    },
  };
}

export function imageName(snapshotId: string): string {
  return `fake-snapshots:${snapshotId}`;
}
