import { Fault, isFault } from '@opensandbox/base';
import type { SandboxRecord, SandboxStore } from '@opensandbox/core/ports';
import type { Instruments } from './instruments.ts';

export interface MeasuredStoreDeps {
  readonly instruments: Instruments;
  readonly now: () => number;
  /** The code that clients see of a Fault. */
  readonly publicCode: (fault: Fault) => string;
}

/** The store, with its writes timed. How a provisioning ended is known when it is durable, and counted here. */
export function measuredStore(store: SandboxStore, deps: MeasuredStoreDeps): SandboxStore {
  const { instruments, now } = deps;

  async function timed<T>(operation: string, write: () => Promise<T>): Promise<T> {
    const startedAt = now();
    instruments.storePending.of().add(1);
    let outcome = 'success';
    try {
      return await write();
    } catch (error) {
      // What the change itself refuses is no failure of the store.
      outcome = isFault(error) && error.kind !== 'unavailable' ? 'refused' : 'failed';
      throw error;
    } finally {
      instruments.storePending.of().add(-1);
      instruments.storeSeconds.of(operation, outcome).record((now() - startedAt) / 1000);
    }
  }

  return {
    get: (id) => store.get(id),
    list: () => store.list(),
    insert: (record) => timed('insert', () => store.insert(record)),
    remove: (id) => timed('remove', () => store.remove(id)),
    async update(id, change) {
      const before = store.get(id)?.provisioning.phase;
      const updated = await timed('update', () => store.update(id, change));
      if (before === 'pending') countProvision(updated, deps);
      return updated;
    },
  };
}

function countProvision({ provisioning, createdAt }: SandboxRecord, deps: MeasuredStoreDeps): void {
  const { instruments, publicCode } = deps;
  if (provisioning.phase === 'pending') return;
  if (provisioning.phase === 'failed') {
    const { kind, code, message } = provisioning;
    instruments.provisions.of('failed', publicCode(new Fault(kind, code, message))).add(1);
    return;
  }
  instruments.provisions.of('ready', '').add(1);
  instruments.createStage.of('total').record(Math.max(0, provisioning.at - createdAt) / 1000);
}
