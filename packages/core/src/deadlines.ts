import type { Backoff, Clock, Logger, Scope } from '@opensandbox/base';
import { backoffMs, toFault } from '@opensandbox/base';
import { DeadlineQueue } from './deadline-queue.ts';
import type { SandboxId } from './sandbox.ts';

/** When something has to happen to which sandbox. One armed timer, for the earliest. */
export interface Deadlines extends Disposable {
  /** Replaces the deadline of a sandbox; `undefined` takes it away. */
  set(id: SandboxId, time: number | undefined): void;
  has(id: SandboxId): boolean;
  /** Something failed: tries again after a wait that grows with every failure, until `set` forgets them. */
  retry(id: SandboxId): void;
  isRetrying(id: SandboxId): boolean;
  /** Fires what is due now. The timer does it too; the sweep asks as well, in case the wall clock leapt. */
  check(): void;
}

export interface DeadlinesOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly backoff: Backoff;
  /** Rejecting keeps the deadline: it is tried again after a growing wait. Must re-read the record. */
  readonly onDue: (id: SandboxId) => Promise<void>;
}

export function openDeadlines(options: DeadlinesOptions, scope: Scope): Deadlines {
  const { clock, log } = options;
  const queue = new DeadlineQueue();
  const attempts = new Map<SandboxId, number>();
  let armed: { readonly time: number; readonly timer: Disposable } | undefined;

  function arm(): void {
    const time = queue.earliest();
    if (armed?.time === time) return;
    armed?.timer[Symbol.dispose]();
    armed = time === undefined ? undefined : { time, timer: clock.at(time, fire) };
  }

  function fire(): void {
    armed = undefined;
    check();
  }

  function check(): void {
    if (scope.signal.aborted) return;
    const now = clock.now();
    for (let id = queue.takeDue(now); id !== undefined; id = queue.takeDue(now)) {
      const due = id;
      scope.run('deadline', () => act(due));
    }
    arm();
  }

  async function act(id: SandboxId): Promise<void> {
    try {
      await options.onDue(id);
      attempts.delete(id);
    } catch (error) {
      if (scope.signal.aborted) return;
      if (!attempts.has(id)) log.warn('sandbox.deadline_failed', { sandboxId: id, error: toFault(error) });
      if (!queue.has(id)) retry(id);
    }
  }

  function retry(id: SandboxId): void {
    const attempt = (attempts.get(id) ?? 0) + 1;
    attempts.set(id, attempt);
    set(id, clock.now() + backoffMs(options.backoff, attempt));
  }

  function set(id: SandboxId, time: number | undefined): void {
    if (scope.signal.aborted) return;
    queue.set(id, time);
    arm();
  }

  return {
    set(id, time) {
      attempts.delete(id);
      set(id, time);
    },
    has: (id) => queue.has(id),
    retry,
    isRetrying: (id) => attempts.has(id) && queue.has(id),
    check,
    [Symbol.dispose]: () => armed?.timer[Symbol.dispose](),
  };
}
