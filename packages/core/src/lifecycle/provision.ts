import type { Backoff } from '@opensandbox/base';
import { backoffMs, Fault, isFault, sleep, toFault } from '@opensandbox/base';
import { childSignal } from '../child-signal.ts';
import type { Observation, SandboxId, SandboxRecord } from '../sandbox.ts';
import type { Context } from './context.ts';
import { removalDueAt, withoutSecrets } from './context.ts';

/** Brings a pending sandbox up, in the background and when it is its turn. Safe to ask for at any time. */
export function startProvisioning(context: Context, id: SandboxId): void {
  context.operations.provision(id, (signal) => provision(context, id, signal));
}

type Change = (current: SandboxRecord, at: number) => SandboxRecord;

async function provision(context: Context, id: SandboxId, signal: AbortSignal): Promise<void> {
  const record = context.store.get(id);
  if (record?.intent === 'destroy' || record?.provisioning.phase !== 'pending') return;
  const log = context.log.child({ sandboxId: id });
  let change: Change;
  try {
    const seen = await bringUp(context, record, signal);
    change = (current, at) => ({ ...current, provisioning: { phase: 'ready', at } });
    log.info('sandbox.ready', { durationMs: context.clock.now() - record.createdAt, phase: seen.phase });
  } catch (error) {
    // Cut short: by a removal, which goes on from here, or by the server's end, and then the next start does.
    if (signal.aborted) return;
    const { kind, code, message } = toFault(error);
    change = (current, at) => ({ ...current, provisioning: { phase: 'failed', at, kind, code, message } });
    log.warn('sandbox.failed', { kind, code, error });
  }
  try {
    await settle(context, id, change);
  } catch (error) {
    // Still pending in the store: the sweep provisions again, and the driver adopts what it finds.
    log.error('sandbox.settle_failed', { error: toFault(error) });
  }
}

async function bringUp(context: Context, record: SandboxRecord, signal: AbortSignal): Promise<Observation> {
  const { index, operations } = context;
  const { id } = record;
  const seen = await createWhenReachable(context, record, signal);
  index.apply({ type: 'observed', observation: seen });
  // A Windows guest sets itself up for a long time, and its screen is wanted meanwhile: it runs when its machine does.
  if (record.spec.platform?.os === 'windows') return index.get(id) ?? seen;
  operations.report(id, { step: 'agent', message: 'Waiting for the agent in the sandbox to answer.' });
  try {
    await agentAnswered(context, seen, signal);
  } catch (error) {
    if (!signal.aborted) await takeDown(context, id, signal);
    throw error;
  }
  return index.get(id) ?? seen;
}

/** About half a minute in all: an engine that is restarted comes back within it. */
const ENGINE_AWAY_ATTEMPTS = 8;

/** An engine that is away for a moment ends no creation: the driver adopts what an earlier attempt left. */
async function createWhenReachable(
  context: Context,
  record: SandboxRecord,
  signal: AbortSignal,
): Promise<Observation> {
  const { driver, operations, clock, random } = context;
  const backoff: Backoff = { firstMs: 250, longestMs: 8_000, jitter: 0.2, random };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await driver.create(record, (progress) => operations.report(record.id, progress), signal);
    } catch (error) {
      const isAway = isFault(error, 'unavailable') && error.code === 'engine.unavailable';
      if (!isAway || attempt === ENGINE_AWAY_ATTEMPTS) throw error;
    }
    operations.report(record.id, { step: 'create', message: 'The engine does not answer; trying again.' });
    await sleep(clock, backoffMs(backoff, attempt), signal);
  }
}

/** What cannot be removed now stays visible to the index, and the sweep removes it. */
async function takeDown(context: Context, id: SandboxId, signal: AbortSignal): Promise<void> {
  const { driver, index, clock, log } = context;
  try {
    await driver.destroy(id, signal);
    index.apply({ type: 'gone', id, readAt: clock.now() });
  } catch (error) {
    log.warn('sandbox.clean_up_failed', { sandboxId: id, error: toFault(error) });
  }
}

/** Resolves when the agent answered, or when it never will because the sandbox has ended by itself. */
async function agentAnswered(context: Context, seen: Observation, parent: AbortSignal): Promise<void> {
  const { index, probe } = context;
  using race = childSignal(parent);
  const ended = (): true | undefined => {
    if (index.wasRemoved(seen.id)) {
      throw new Fault(
        'internal',
        'sandbox.start_failed',
        'Sandbox container was removed while it was starting.',
      );
    }
    return (index.get(seen.id) ?? seen).phase === 'exited' ? true : undefined;
  };
  try {
    await Promise.race([index.until(seen.id, ended, race.signal), probe.waitReady(seen.reach, race.signal)]);
  } finally {
    race.abort();
  }
}

/** Records how provisioning ended, and tells everybody who waits for it. */
async function settle(context: Context, id: SandboxId, change: Change): Promise<void> {
  const at = context.clock.now();
  const settled = await context.store.update(id, (current) =>
    current.intent === 'destroy' ? current : withoutSecrets(change(current, at)),
  );
  if (settled.intent !== 'destroy') context.deadlines.set(id, removalDueAt(context, settled));
  context.index.touch(id);
}
