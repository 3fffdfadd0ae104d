import type { Backoff } from '@opensandbox/base';
import { backoffMs, sleep, toFault } from '@opensandbox/base';
import type { Context } from './lifecycle/context.ts';
import type { EngineEvent } from './ports/runtime-driver.ts';
import { reconcileAll } from './reconcile.ts';

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;

/** Keeps the index fresh: listens to the engine, and connects again whenever the link is lost. */
export async function follow(context: Context, onSnapshot: () => void, signal: AbortSignal): Promise<void> {
  const { driver, clock, log, random } = context;
  const backoff: Backoff = { firstMs: FIRST_WAIT_MS, longestMs: LONGEST_WAIT_MS, jitter: 0.2, random };
  const isOver = (): boolean => signal.aborted;
  let failures = 0;
  while (!isOver()) {
    let fault = toFault(new Error('the driver ended its observation'), 'engine.failed');
    try {
      for await (const event of driver.observe(signal)) {
        if (failures > 0) log.info('engine.back', { attempts: failures });
        failures = 0;
        await handle(context, event);
        if (event.type === 'snapshot') onSnapshot();
      }
    } catch (error) {
      fault = toFault(error);
    }
    if (isOver()) return;
    failures += 1;
    if (failures === 1) log.warn('engine.lost', { error: fault });
    await sleep(clock, backoffMs(backoff, failures), signal).catch(() => undefined);
  }
}

async function handle(context: Context, event: EngineEvent): Promise<void> {
  const ids = new Set(context.index.apply(event));
  if (event.type === 'snapshot') {
    // It speaks of every sandbox that should be there: of those that it lacks as well.
    for (const { id, provisioning } of context.store.list()) if (provisioning.phase === 'ready') ids.add(id);
  }
  await reconcileAll(context, ids);
}
