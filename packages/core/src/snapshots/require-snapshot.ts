import { Fault, toFault } from '@opensandbox/base';
import type { Context } from '../lifecycle/context.ts';
import type { SnapshotFacet } from '../ports/snapshots.ts';
import type { SnapshotRecord } from './snapshot.ts';

export function requireFacet({ driver }: Context): SnapshotFacet {
  const facet = driver.snapshots;
  if (facet !== undefined) return facet;
  throw new Fault('unsupported', 'snapshot.unsupported', 'This runtime does not take snapshots.');
}

export function requireSnapshot({ snapshotStore }: Context, id: string): SnapshotRecord {
  const record = snapshotStore.get(id);
  if (record === undefined) throw snapshotNotFound(id);
  return record;
}

export function snapshotNotFound(id: string): Fault {
  return new Fault('not_found', 'snapshot.not_found', `Snapshot ${id} not found`);
}

/** Epoch microseconds. */
export function nowMicros({ clock }: Context): number {
  return Math.trunc(clock.now()) * 1000;
}

/** What a sandbox is restored from. */
export function imageOf({ id, state, image }: SnapshotRecord): string {
  if (state !== 'Ready') {
    throw new Fault('conflict', 'snapshot.not_ready', `Snapshot ${id} is not ready for restore.`);
  }
  if (image !== undefined && image !== '') return image;
  const message = `Snapshot ${id} does not have a restorable image.`;
  throw new Fault('conflict', 'snapshot.restore_config', message);
}

/** A Fault where only a sentence can be told. */
export function explain({ explain: inWords }: Context, error: unknown): string {
  const fault = toFault(error);
  return inWords?.(fault) ?? fault.message;
}
