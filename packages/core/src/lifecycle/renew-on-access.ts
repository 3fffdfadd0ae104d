import type { Scope } from '@opensandbox/base';
import { createCooldown, isFault, toFault } from '@opensandbox/base';
import { formatTime } from '../diagnostics/format-time.ts';
import type { SandboxId, SandboxRecord } from '../sandbox.ts';
import type { AccessOutcome, AccessSource, RenewOnAccessOptions } from './access.ts';
import type { Context } from './context.ts';
import { removalDueAt, view } from './context.ts';

const LEAST_SECONDS = 300;
const MOST_SECONDS = 86_400;
/** Shares of the interval, and of the extension, below which a write is not worth its cost. */
const WORTH_OF_INTERVAL = 2;
const WORTH_OF_EXTENSION = 10;

export interface RenewOnAccess {
  /** Never throws, never waits; costs an unknown id nothing but a look into the store's memory. */
  accessed(id: SandboxId, source: AccessSource): void;
}

/** What is deployed without renew on access. */
export const NO_RENEWALS: RenewOnAccess = { accessed: () => undefined };

/**
 * Prolongs sandboxes that are in use. At most one item per sandbox waits or is worked on, so that what is kept is
 * bounded by the sandboxes that asked for it.
 */
export function openRenewOnAccess(
  context: Context,
  options: RenewOnAccessOptions,
  scope: Scope,
): RenewOnAccess {
  const attempts = createCooldown<SandboxId>(context.clock);
  /** In the order they came. */
  const waiting = new Map<SandboxId, AccessSource>();
  /** One listener on the scope's signal serves all of them. */
  const working = new Map<SandboxId, AbortController>();
  const stop = (): void => {
    for (const controller of working.values()) controller.abort(scope.signal.reason);
  };
  scope.signal.addEventListener('abort', stop, { once: true });
  const count = (outcome: AccessOutcome, source: AccessSource): void => options.counted?.(outcome, source);

  async function work(id: SandboxId, source: AccessSource, signal: AbortSignal): Promise<void> {
    const waitMs = (await options.claim?.(id, signal).catch(() => 0)) ?? 0;
    if (signal.aborted) return;
    if (waitMs > 0) {
      attempts.cool(id, Math.min(waitMs, options.minIntervalMs));
      count('elsewhere', source);
      return;
    }
    const outcome = await prolong(context, { id, source, minIntervalMs: options.minIntervalMs });
    if (outcome === 'renewed' || outcome === 'failed') attempts.cool(id, options.minIntervalMs);
    count(outcome, source);
  }

  function startNext(): void {
    for (const [id, source] of waiting) {
      if (working.size >= options.concurrency || scope.signal.aborted) return;
      waiting.delete(id);
      const controller = new AbortController();
      working.set(id, controller);
      scope.run('renew-on-access', async () => {
        try {
          await work(id, source, controller.signal);
        } finally {
          working.delete(id);
          startNext();
        }
      });
    }
  }

  return {
    accessed(id, source) {
      if (scope.signal.aborted) return;
      if (waiting.has(id) || working.has(id) || attempts.isCooling(id)) {
        count('cooling', source);
        return;
      }
      const refusal = refusalOf(context, id, options.minIntervalMs);
      if (refusal !== undefined) {
        count(refusal, source);
        return;
      }
      waiting.set(id, source);
      startNext();
    },
  };
}

/** Every request passes here: what costs least is asked first. */
function refusalOf(
  context: Context,
  id: SandboxId,
  minIntervalMs: number,
): 'ineligible' | 'unneeded' | undefined {
  const record = context.store.get(id);
  if (record === undefined || record.buriedAt !== undefined) return 'ineligible';
  const extension = extensionOf(record);
  if (extension === undefined) return 'ineligible';
  if (!isWorthwhile(context, record, { extension, minIntervalMs })) return 'unneeded';
  return view(context, record).status.state === 'Running' ? undefined : 'ineligible';
}

/** Milliseconds that an access prolongs it by, if it asked for that and expires at all. */
function extensionOf({ expiresAt, spec }: SandboxRecord): number | undefined {
  if (expiresAt === undefined || spec.accessRenewSeconds === undefined) return undefined;
  // What another server put into a label has not passed this server's checks.
  return Math.min(MOST_SECONDS, Math.max(LEAST_SECONDS, spec.accessRenewSeconds)) * 1000;
}

function isWorthwhile(
  { clock }: Context,
  { expiresAt = Infinity }: SandboxRecord,
  { extension, minIntervalMs }: { readonly extension: number; readonly minIntervalMs: number },
): boolean {
  const least = Math.min(minIntervalMs / WORTH_OF_INTERVAL, extension / WORTH_OF_EXTENSION);
  return clock.now() + extension >= expiresAt + least;
}

interface Prolonging {
  readonly id: SandboxId;
  readonly source: AccessSource;
  readonly minIntervalMs: number;
}

/** A change of the record, and what it comes to. */
interface Change {
  readonly outcome: 'renewed' | 'ineligible' | 'unneeded';
  readonly record: SandboxRecord;
}

/**
 * The record may have changed since it was looked at: renewed by its user, expired, deleted. The store applies one
 * change after the other, so the change itself looks again.
 */
function changeOf(context: Context, current: SandboxRecord, minIntervalMs: number): Change {
  const extension = extensionOf(current);
  if (extension === undefined || current.intent !== 'run' || current.buriedAt !== undefined) {
    return { outcome: 'ineligible', record: current };
  }
  if (!isWorthwhile(context, current, { extension, minIntervalMs })) {
    return { outcome: 'unneeded', record: current };
  }
  const expiresAt = context.clock.now() + extension;
  return { outcome: 'renewed', record: { ...current, expiresAt, expiresAtMicros: undefined } };
}

async function prolong(
  context: Context,
  { id, source, minIntervalMs }: Prolonging,
): Promise<Change['outcome'] | 'failed'> {
  const { store, log, deadlines } = context;
  const about = { renew_source: source, renew_sandbox_id: id };
  try {
    let change: Change | undefined;
    await store.update(id, (current) => {
      change = changeOf(context, current, minIntervalMs); // of several attempts the last one counts
      return change.record;
    });
    if (change?.outcome !== 'renewed') return change?.outcome ?? 'ineligible';
    // What was written meanwhile counts: the latest record says when it has to go.
    const latest = store.get(id);
    if (latest !== undefined) deadlines.set(id, removalDueAt(context, latest));
    log.info('sandbox.renewed_on_access', {
      renew_event: 'renew_succeeded',
      ...about,
      renew_new_expires_at: formatTime(change.record.expiresAt),
    });
    return 'renewed';
  } catch (error) {
    if (isFault(error, 'not_found')) return 'ineligible';
    const { code } = toFault(error);
    const reason = { renew_skip_reason: 'renew_expiration_error', renew_error_type: code };
    log.warn('sandbox.renew_on_access_failed', { renew_event: 'renew_failed', ...about, ...reason, error });
    return 'failed';
  }
}
