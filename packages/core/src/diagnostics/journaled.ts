import type { Clock } from '@opensandbox/base';
import type { SandboxIndex } from '../index/sandbox-index.ts';
import type { Operations } from '../operations.ts';
import type { SandboxStore } from '../ports/sandbox-store.ts';
import type { Observation, SandboxId, SandboxRecord } from '../sandbox.ts';
import { changesOf, sightingOf, stepOf } from './happenings.ts';
import type { Journal } from './journal.ts';

/*
 * The one place that feeds the journal. Everything that happens to a sandbox passes the store, the index or the
 * operations: the verbs need not know that somebody writes it down.
 */

export function journaledStore(store: SandboxStore, journal: Journal, clock: Clock): SandboxStore {
  const note = (before: SandboxRecord | undefined, after: SandboxRecord): void => {
    for (const happening of changesOf(before, after, clock.now())) journal.add(after.id, happening);
    if (after.buriedAt !== undefined) journal.close(after.id);
  };
  return {
    get: (id) => store.get(id),
    list: () => store.list(),
    async insert(record) {
      await store.insert(record);
      // What is adopted is older than this server's knowledge of it.
      journal.open(record.id, record.provisioning.phase === 'ready');
      note(undefined, record);
    },
    async update(id, change) {
      let before: SandboxRecord | undefined;
      const after = await store.update(id, (current) => {
        before = current; // of several attempts the last one counts
        return change(current);
      });
      note(before, after);
      return after;
    },
    async remove(id) {
      await store.remove(id);
      journal.close(id);
    },
  };
}

/** Reports every change of what is seen, once. */
export function journaledIndex(index: SandboxIndex, journal: Journal): SandboxIndex {
  return {
    ...index,
    apply(event) {
      const before = readingsBefore(index, event);
      const ids = index.apply(event);
      for (const id of ids) {
        const happening = sightingOf(before.get(id), index.get(id));
        if (happening !== undefined) journal.add(id, happening);
      }
      return ids;
    },
  };
}

function readingsBefore(
  index: SandboxIndex,
  event: Parameters<SandboxIndex['apply']>[0],
): ReadonlyMap<SandboxId, Observation | undefined> {
  const ids =
    event.type === 'snapshot' ? index.ids() : [event.type === 'gone' ? event.id : event.observation.id];
  return new Map(ids.map((id) => [id, index.get(id)]));
}

export function journaledOperations(operations: Operations, journal: Journal): Operations {
  return {
    ...operations,
    report(id, progress) {
      operations.report(id, progress);
      journal.add(id, stepOf(progress));
    },
  };
}
