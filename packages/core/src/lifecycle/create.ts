import { checkAborted, isFault } from '@opensandbox/base';
import { checkCreate } from '../limits.ts';
import type { Sandbox, SandboxRecord } from '../sandbox.ts';
import { imageOf, requireSnapshot } from '../snapshots/require-snapshot.ts';
import type { Context } from './context.ts';
import { view } from './context.ts';
import type { CreateSandbox } from './lifecycle.ts';
import { startProvisioning } from './provision.ts';

/** Admits and records; the rest happens in the background, detached from the caller on purpose. */
export async function create(
  context: Context,
  request: CreateSandbox,
  signal: AbortSignal,
): Promise<Sandbox> {
  const { clock, driver, store } = context;
  const createdAt = clock.now();
  const expiresAt = checkCreate(request, createdAt, context.options.maxTimeoutSeconds);
  const spec = await driver.admit(request.spec, signal);
  checkAborted(signal);
  const record: SandboxRecord = {
    id: context.newId(),
    spec,
    intent: 'run',
    metadata: request.metadata,
    createdAt,
    expiresAt,
    provisioning: { phase: 'pending' },
    revision: 1,
  };
  promise(context, record);
  try {
    await store.insert(record);
  } catch (error) {
    // A store that failed may have kept it all the same: a sandbox that was refused must not come to life. Not
    // awaited: a store that hangs has kept the caller waiting for long enough, and the first error tells.
    if (!isFault(error, 'conflict')) void store.remove(record.id).catch(() => undefined);
    throw error;
  } finally {
    context.restoring.delete(record.id);
  }
  context.log.info('sandbox.accepted', { sandboxId: record.id });
  context.deadlines.set(record.id, expiresAt);
  startProvisioning(context, record.id);
  return view(context, record);
}

/** Asked again: the snapshot may have been deleted while the engine was looked at. From here on a deletion waits. */
function promise(context: Context, { id, spec: { source } }: SandboxRecord): void {
  if (source.kind !== 'snapshot') return;
  imageOf(requireSnapshot(context, source.snapshotId));
  context.restoring.set(id, source.snapshotId);
}
