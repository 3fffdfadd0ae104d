import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EngineEvent } from '../ports/runtime-driver.ts';
import type { Observation, ObservedPhase, SandboxId } from '../sandbox.ts';
import { sandboxId } from '../sandbox.ts';
import type { IndexState } from './apply-event.ts';
import { applyEvent, clampTo, EMPTY_INDEX } from './apply-event.ts';

const A = sandboxId('a');
const B = sandboxId('b');

function reading(id: SandboxId, readAt: number, phase: ObservedPhase = 'running'): Observation {
  return {
    id,
    phase,
    engineState: phase,
    exitCode: undefined,
    oomKilled: false,
    error: undefined,
    finishedAt: undefined,
    reach: { kind: 'none' },
    readAt,
    claim: undefined,
  };
}

const observed = (id: SandboxId, readAt: number, phase?: ObservedPhase): EngineEvent => ({
  type: 'observed',
  observation: reading(id, readAt, phase),
});
const gone = (id: SandboxId, readAt: number): EngineEvent => ({ type: 'gone', id, readAt });
const snapshot = (readAt: number, ...ids: SandboxId[]): EngineEvent => ({
  type: 'snapshot',
  readAt,
  observations: ids.map((id) => reading(id, readAt)),
});

const fold = (events: readonly EngineEvent[]): IndexState => events.reduce(applyEvent, EMPTY_INDEX);
const present = (state: IndexState): readonly string[] => [...state.seen.keys()].sort();

/** What decides the future: two states that agree in this behave alike. */
const essence = (state: IndexState) => ({
  seen: [...state.seen].sort(([a], [b]) => (a < b ? -1 : 1)),
  gone: [...state.gone].sort(([a], [b]) => (a < b ? -1 : 1)),
  snapshotAt: state.snapshotAt,
});

describe('applyEvent', () => {
  it('keeps a sandbox created while a list was in flight', () => {
    expect(present(fold([observed(A, 12), snapshot(10)]))).toEqual(['a']);
    expect(present(fold([snapshot(10), observed(A, 12)]))).toEqual(['a']);
  });

  it('does not bring back a sandbox deleted while a list was in flight', () => {
    expect(present(fold([observed(A, 5), gone(A, 11), snapshot(10, A)]))).toEqual([]);
    expect(present(fold([observed(A, 5), snapshot(10, A), gone(A, 11)]))).toEqual([]);
  });

  it('ignores stale readings', () => {
    expect(fold([observed(A, 9, 'exited'), observed(A, 7)]).seen.get(A)?.phase).toBe('exited');
    expect(present(fold([snapshot(10, B), observed(A, 9)]))).toEqual(['b']);
    expect(present(fold([snapshot(20), snapshot(10, A)]))).toEqual([]);
  });

  it('erases what a later snapshot does not have', () => {
    expect(present(fold([observed(A, 5), observed(B, 5), snapshot(10, B)]))).toEqual(['b']);
  });

  it('collects tombstones with the first snapshot that began later', () => {
    expect(fold([gone(A, 5)]).gone.size).toBe(1);
    expect(fold([gone(A, 5), snapshot(6)]).gone.size).toBe(0);
    expect(fold([gone(A, 5), snapshot(4)]).gone.size).toBe(1);
  });

  it('takes the later of two readings of the same millisecond', () => {
    expect(fold([observed(A, 5, 'running'), observed(A, 5, 'paused')]).seen.get(A)?.phase).toBe('paused');
  });

  it('does not change its input', () => {
    const before = fold([observed(A, 1)]);
    const copy = structuredClone(before);
    applyEvent(before, gone(A, 2));
    applyEvent(before, snapshot(3, B));
    expect(before).toEqual(copy);
  });

  it('comes to the same index in whatever order events and snapshots arrive', () => {
    // An engine lives through a history; readings of it are stamped with the moment they were taken.
    const history = fc.array(
      fc.record({
        id: fc.constantFrom(A, B, sandboxId('c')),
        does: fc.constantFrom('appear', 'vanish', 'list'),
      }),
      { minLength: 1, maxLength: 25 },
    );
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat()), (steps, luck) => {
        const events = play(steps);
        const inOrder = essence(fold(events));
        const shuffled = events
          .map((event) => ({ event, key: luck.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ event }) => event);
        expect(essence(fold(shuffled))).toEqual(inOrder);
      }),
      { numRuns: 500 },
    );
  });

  it('agrees with the engine after a final snapshot, whatever was lost or repeated before', () => {
    const ids = [A, B];
    const event = fc.oneof(
      fc.tuple(fc.constantFrom(...ids), fc.nat(100)).map(([id, at]) => observed(id, at)),
      fc.tuple(fc.constantFrom(...ids), fc.nat(100)).map(([id, at]) => gone(id, at)),
      fc.tuple(fc.subarray(ids), fc.nat(100)).map(([some, at]) => snapshot(at, ...some)),
    );
    fc.assert(
      fc.property(fc.array(event), fc.subarray(ids), (events, truth) => {
        const state = fold([...events, snapshot(101, ...truth)]);
        expect(present(state)).toEqual([...truth].sort());
        expect(state.gone.size).toBe(0);
      }),
    );
  });
});

/** Plays a history step by step, one tick each, and returns the readings somebody took of it. */
function play(steps: readonly { readonly id: SandboxId; readonly does: string }[]): readonly EngineEvent[] {
  const alive = new Set<SandboxId>();
  return steps.map(({ id, does }, tick) => {
    if (does === 'list') return snapshot(tick, ...alive);
    if (does === 'vanish') {
      alive.delete(id);
      return gone(id, tick);
    }
    alive.add(id);
    return observed(id, tick);
  });
}

describe('clampTo', () => {
  it('lets readings count again after the wall clock was set back', () => {
    const before = fold([snapshot(1000, A), gone(B, 1001)]);
    const after = clampTo(before, 500);
    expect(applyEvent(after, observed(A, 501, 'exited')).seen.get(A)?.phase).toBe('exited');
    expect(applyEvent(after, observed(sandboxId('c'), 501)).seen.size).toBe(2);
  });

  it('changes nothing while time runs forward', () => {
    const state = fold([snapshot(1000, A)]);
    expect(clampTo(state, 1000)).toBe(state);
  });
});
