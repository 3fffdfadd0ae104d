import type { EngineEvent } from '../ports/runtime-driver.ts';
import type { Observation, SandboxId } from '../sandbox.ts';

/** The newest known reading of every sandbox that the engine has. */
export interface IndexState {
  readonly seen: ReadonlyMap<SandboxId, Observation>;
  /** Tombstones: when a removal was read. Kept until a snapshot that began later makes them superfluous. */
  readonly gone: ReadonlyMap<SandboxId, number>;
  /** When the latest snapshot began; what was not seen since is absent. */
  readonly snapshotAt: number;
  /** The highest stamp in here. */
  readonly newest: number;
}

export const EMPTY_INDEX: IndexState = {
  seen: new Map(),
  gone: new Map(),
  snapshotAt: -Infinity,
  newest: -Infinity,
};

/**
 * Folds one event in. Readings are stamped with the moment they began, and the newer stamp wins whatever order
 * they arrive in: a snapshot does not erase what was read after it began, a removal outlives older readings.
 */
export function applyEvent(state: IndexState, event: EngineEvent): IndexState {
  switch (event.type) {
    case 'observed':
      return observed(state, event.observation);
    case 'gone':
      return gone(state, event.id, event.readAt);
    case 'snapshot':
      return snapshot(state, event.readAt, event.observations);
  }
}

function observed(state: IndexState, reading: Observation): IndexState {
  if (!isNews(state, reading)) return state;
  const seen = new Map(state.seen).set(reading.id, reading);
  return { ...state, seen, newest: Math.max(state.newest, reading.readAt) };
}

function isNews(state: IndexState, reading: Observation): boolean {
  const tombstone = state.gone.get(reading.id);
  if (tombstone !== undefined && reading.readAt <= tombstone) return false;
  const known = state.seen.get(reading.id);
  return reading.readAt >= (known?.readAt ?? state.snapshotAt);
}

function gone(state: IndexState, id: SandboxId, readAt: number): IndexState {
  const known = state.seen.get(id);
  const tombstone = state.gone.get(id) ?? -Infinity;
  const erases = known !== undefined && known.readAt <= readAt;
  const marks = readAt > tombstone && readAt >= state.snapshotAt;
  if (!erases && !marks) return state;
  const seen = new Map(state.seen);
  if (erases) seen.delete(id);
  const graves = marks ? new Map(state.gone).set(id, readAt) : state.gone;
  return { ...state, seen, gone: graves, newest: Math.max(state.newest, readAt) };
}

function snapshot(state: IndexState, readAt: number, readings: readonly Observation[]): IndexState {
  const seen = new Map([...state.seen].filter(([, known]) => known.readAt >= readAt));
  let newest = Math.max(state.newest, readAt);
  for (const reading of readings) {
    // A snapshot proves what it contains at least for the moment it began.
    const stamped = reading.readAt < readAt ? { ...reading, readAt } : reading;
    const known = seen.get(reading.id);
    if (!isNews(known === undefined ? state : { ...state, seen }, stamped)) continue;
    seen.set(reading.id, stamped);
    newest = Math.max(newest, stamped.readAt);
  }
  const snapshotAt = Math.max(state.snapshotAt, readAt);
  const graves = new Map([...state.gone].filter(([, at]) => at >= snapshotAt));
  return { seen, gone: graves, snapshotAt, newest };
}

/**
 * Moves stamps of the future back to `now`. The wall clock was set back: without this, every reading would look
 * older than what is known until the clock has caught up.
 */
export function clampTo(state: IndexState, now: number): IndexState {
  if (state.newest <= now) return state;
  const clamp = (reading: Observation): Observation =>
    reading.readAt > now ? { ...reading, readAt: now } : reading;
  return {
    seen: new Map([...state.seen].map(([id, reading]) => [id, clamp(reading)])),
    gone: new Map([...state.gone].map(([id, at]) => [id, Math.min(at, now)])),
    snapshotAt: Math.min(state.snapshotAt, now),
    newest: now,
  };
}
