import { Fault } from '@opensandbox/base';
import type { Deadlines } from '../deadlines.ts';
import type { SandboxIndex } from '../index/sandbox-index.ts';
import type { Operations } from '../operations.ts';
import type { Sandbox, SandboxId, SandboxRecord, Volume } from '../sandbox.ts';
import type { CaptureQueues } from '../snapshots/capture-queue.ts';
import { isCapturing } from '../snapshots/capture-queue.ts';
import { statusOf } from '../status.ts';
import type { LifecycleDeps } from './lifecycle.ts';

/** What every verb works with: the ports, and the four owners of state. */
export interface Context extends LifecycleDeps, CaptureQueues {
  readonly index: SandboxIndex;
  readonly deadlines: Deadlines;
  readonly operations: Operations;
  /** Sandboxes that are on their way to the store, and the snapshot that each was promised from. */
  readonly restoring: Map<SandboxId, string>;
}

export function view(context: Context, record: SandboxRecord): Sandbox {
  const seen = context.index.get(record.id);
  const progress = context.operations.progress(record.id);
  const captured = seen?.phase === 'paused' && isCapturing(context, record.id);
  return {
    record,
    status: statusOf({ record, seen, progress, captured }),
    reach: seen?.reach ?? { kind: 'none' },
  };
}

export function requireRecord(context: Context, id: SandboxId): SandboxRecord {
  const record = context.store.get(id);
  if (record === undefined || record.buriedAt !== undefined) throw notFound(id);
  return record;
}

export function notFound(id: SandboxId): Fault {
  return new Fault('not_found', 'sandbox.not_found', `Sandbox ${id} not found.`);
}

/** When a sandbox has to go by itself: its deadline, or the end of the time that a failure stays readable. */
export function removalDueAt(context: Context, record: SandboxRecord): number | undefined {
  if (record.buriedAt !== undefined) return undefined;
  const { provisioning } = record;
  if (provisioning.phase === 'failed') return provisioning.at + context.options.failureTtlMs;
  return record.expiresAt;
}

/** Credentials are needed, and kept, only until the image is there and the volumes are mounted. */
export function withoutSecrets(record: SandboxRecord): SandboxRecord {
  const { source, volumes } = record.spec;
  const spec = {
    ...record.spec,
    source: source.kind === 'image' ? { ...source, auth: undefined } : source,
    volumes: volumes.map(withoutCredentials),
  };
  return { ...record, spec };
}

function withoutCredentials(volume: Volume): Volume {
  if (volume.source.kind !== 'ossfs') return volume;
  return { ...volume, source: { ...volume.source, credentials: undefined } };
}
