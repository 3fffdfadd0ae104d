import type { Clock } from '@opensandbox/base';
import { cancelled } from '@opensandbox/base';
import type { EngineEvent } from '../ports/runtime-driver.ts';
import type { Observation, SandboxId } from '../sandbox.ts';
import type { IndexState } from './apply-event.ts';
import { applyEvent, clampTo, EMPTY_INDEX } from './apply-event.ts';

/** What the engine was last seen to have, and whoever waits for it to change. */
export interface SandboxIndex {
  get(id: SandboxId): Observation | undefined;
  ids(): readonly SandboxId[];
  /** Folds an event in and wakes the waiters of what changed. Returns the ids it concerns. */
  apply(event: EngineEvent): readonly SandboxId[];
  /** A removal was read and no snapshot has superseded it yet. */
  wasRemoved(id: SandboxId): boolean;
  /** When the latest snapshot began, if that was after `since` and it does not have the sandbox. */
  missingAt(id: SandboxId, since: number): number | undefined;
  /** Wakes the waiters of a sandbox whose record changed. */
  touch(id: SandboxId): void;
  /** The first defined answer of `check`, asked now and after every change of the sandbox. */
  until<T>(id: SandboxId, check: () => T | undefined, signal: AbortSignal): Promise<T>;
}

export function createSandboxIndex(clock: Clock): SandboxIndex {
  let state: IndexState = EMPTY_INDEX;
  const waiters = new Map<SandboxId, Set<() => void>>();

  function touch(id: SandboxId): void {
    for (const wake of [...(waiters.get(id) ?? [])]) wake();
  }

  function leave(id: SandboxId, wake: () => void): void {
    const set = waiters.get(id);
    set?.delete(wake);
    if (set?.size === 0) waiters.delete(id);
  }

  return {
    get: (id) => state.seen.get(id),
    ids: () => [...state.seen.keys()],
    apply(event) {
      const before = state;
      state = applyEvent(clampTo(state, clock.now()), event);
      const ids = concerned(before, state, event);
      for (const id of ids) if (before.seen.get(id) !== state.seen.get(id)) touch(id);
      return ids;
    },
    wasRemoved: (id) => !state.seen.has(id) && state.gone.has(id),
    missingAt: (id, since) =>
      !state.seen.has(id) && state.snapshotAt > since ? state.snapshotAt : undefined,
    touch,
    until: (id, check, signal) =>
      new Promise((resolve, reject) => {
        const finish = (end: () => void): void => {
          leave(id, wake);
          signal.removeEventListener('abort', onAbort);
          end();
        };
        const onAbort = (): void => finish(() => reject(cancelled(signal)));
        const wake = (): void => {
          try {
            const answer = check();
            if (answer !== undefined) finish(() => resolve(answer));
          } catch (error) {
            finish(() => reject(error));
          }
        };
        if (signal.aborted) {
          onAbort();
          return;
        }
        signal.addEventListener('abort', onAbort, { once: true });
        waiters.set(id, (waiters.get(id) ?? new Set()).add(wake));
        wake();
      }),
  };
}

function concerned(before: IndexState, after: IndexState, event: EngineEvent): readonly SandboxId[] {
  if (event.type === 'observed') return [event.observation.id];
  if (event.type === 'gone') return [event.id];
  return [...new Set([...before.seen.keys(), ...after.seen.keys()])];
}
