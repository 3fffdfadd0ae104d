import type { Scope } from '@opensandbox/base';
import { abortable } from '@opensandbox/base';
import { openDeadlines } from '../deadlines.ts';
import { createDiagnostics } from '../diagnostics/collect.ts';
import type { Journal } from '../diagnostics/journal.ts';
import { createJournal } from '../diagnostics/journal.ts';
import { journaledIndex, journaledOperations, journaledStore } from '../diagnostics/journaled.ts';
import { follow } from '../follow.ts';
import { createSandboxIndex } from '../index/sandbox-index.ts';
import { openOperations } from '../operations.ts';
import { runQuery } from '../query.ts';
import type { SandboxRecord } from '../sandbox.ts';
import { adoptCaptures, openCaptureQueues, openSnapshots } from '../snapshots/open-snapshots.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import { sweep, sweepOnce } from '../sweep.ts';
import type { Context } from './context.ts';
import { removalDueAt, requireRecord, view } from './context.ts';
import { create } from './create.ts';
import { destroy, expire } from './destroy.ts';
import type { Lifecycle, LifecycleDeps } from './lifecycle.ts';
import { patchMetadata } from './patch-metadata.ts';
import { pause, resume } from './pause.ts';
import type { RenewOnAccess } from './renew-on-access.ts';
import { NO_RENEWALS, openRenewOnAccess } from './renew-on-access.ts';
import { renew } from './renew.ts';
import { resolve } from './resolve.ts';
import { visit } from './visit.ts';
import { waitSettled } from './wait-settled.ts';

const RETRY_FIRST_MS = 1000;
const RETRY_LONGEST_MS = 60_000;

/** Restores what was asked for, learns what there is, starts the loops; then serves. */
export async function openLifecycle(deps: LifecycleDeps, scope: Scope): Promise<Lifecycle> {
  const journal = createJournal(deps.clock);
  for (const { id } of deps.store.list()) journal.open(id, true);
  const context = openContext(deps, journal, scope);
  adoptCaptures(context); // before anything is seen: what is being captured looks paused
  const firstSnapshot = new Promise<void>((known) => {
    scope.run('follow', (signal) => follow(context, known, signal));
  });
  await abortable(firstSnapshot, scope.signal);
  await sweepOnce(context);
  for (const record of deps.store.list()) {
    if (!context.deadlines.has(record.id)) context.deadlines.set(record.id, removalDueAt(context, record));
  }
  scope.run('sweep', (signal) => sweep(context, signal));
  const { renewOnAccess: wished } = deps;
  const renewOnAccess = wished === undefined ? NO_RENEWALS : openRenewOnAccess(context, wished, scope);
  return serve(context, { journal, snapshots: openSnapshots(context, scope), renewOnAccess });
}

function openContext(deps: LifecycleDeps, journal: Journal, scope: Scope): Context {
  const { clock, log, random } = deps;
  const backoff = { firstMs: RETRY_FIRST_MS, longestMs: RETRY_LONGEST_MS, jitter: 0.2, random };
  const context: Context = {
    ...deps,
    ...openCaptureQueues(clock, () => context, scope),
    store: journaledStore(deps.store, journal, clock),
    index: journaledIndex(createSandboxIndex(clock), journal),
    operations: journaledOperations(openOperations(deps.options.provisionConcurrency, scope), journal),
    restoring: new Map(),
    deadlines: scope.own(openDeadlines({ clock, log, backoff, onDue: (id) => expire(context, id) }, scope)),
  };
  return context;
}

interface Parts {
  readonly journal: Journal;
  readonly snapshots: Snapshots;
  readonly renewOnAccess: RenewOnAccess;
}

function serve(context: Context, { journal, snapshots, renewOnAccess }: Parts): Lifecycle {
  return {
    create: (request, signal) => create(context, request, signal),
    waitSettled: (id, waitMs, signal) => waitSettled(context, id, waitMs, signal),
    get: (id) => view(context, requireRecord(context, id)),
    list: (query) => runQuery(shown(context), (record) => view(context, record), query),
    destroy: (id, signal) => destroy(context, id, signal),
    pause: (id, signal) => pause(context, id, signal),
    resume: (id, signal) => resume(context, id, signal),
    renew: (id, expiresAt) => renew(context, id, expiresAt),
    accessed: (id, source) => renewOnAccess.accessed(id, source),
    patchMetadata: (id, patch) => patchMetadata(context, id, patch),
    resolve: (id, port, signal) => resolve(context, id, port, signal),
    visit: (id, port, signal) => visit(context, (gone) => journal.hasClosed(gone), { id, port }, signal),
    snapshots,
    diagnostics: createDiagnostics(context, journal),
  };
}

function shown({ store }: Context): readonly SandboxRecord[] {
  const records = store.list();
  return records.some(isBuried) ? records.filter((record) => !isBuried(record)) : records;
}

function isBuried(record: SandboxRecord): boolean {
  return record.buriedAt !== undefined;
}
