import { sleep } from '@opensandbox/base';
import type { Context } from './lifecycle/context.ts';
import { reconcileAll } from './reconcile.ts';

/**
 * Level-based repair: compares every record with the index, whatever the events said. Finds what is overdue
 * after the wall clock leapt, removals to take up again, strangers to adopt, failures to clean up.
 */
export async function sweep(context: Context, signal: AbortSignal): Promise<void> {
  const isOver = (): boolean => signal.aborted;
  while (!isOver()) {
    await sleep(context.clock, context.options.sweepIntervalMs, signal).catch(() => undefined);
    if (!isOver()) await sweepOnce(context);
  }
}

export async function sweepOnce(context: Context): Promise<void> {
  const { store, index, deadlines } = context;
  deadlines.check();
  await reconcileAll(context, new Set([...store.list().map((record) => record.id), ...index.ids()]));
}
