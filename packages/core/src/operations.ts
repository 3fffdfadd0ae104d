import type { Scope } from '@opensandbox/base';
import { abortable, createKeyedLock, createSemaphore } from '@opensandbox/base';
import type { ChildSignal } from './child-signal.ts';
import type { Progress, SandboxId } from './sandbox.ts';

/**
 * What is in flight. Work on the engine belongs to the server, not to the request that asked for it: it runs
 * under the sandbox's lock, with a signal that only the server's end (or a removal) aborts.
 */
export interface Operations {
  /** Runs under the sandbox's lock. The caller's signal ends its waiting, never the work. */
  run<T>(id: SandboxId, task: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** The same for callers that nobody waits behind. */
  start<T>(id: SandboxId, task: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Provisions in the background, when it is the sandbox's turn; does nothing when that is under way already. */
  provision(id: SandboxId, task: (signal: AbortSignal) => Promise<void>): void;
  /** Removes; calls while it is under way share it. A provisioning is cut short first. */
  remove(id: SandboxId, task: (signal: AbortSignal) => Promise<void>): Promise<void>;
  cancelProvisioning(id: SandboxId): void;
  report(id: SandboxId, progress: Progress): void;
  progress(id: SandboxId): Progress | undefined;
  isRemoving(id: SandboxId): boolean;
  isBusy(id: SandboxId): boolean;
}

interface Provisioning {
  readonly cancel: (reason?: unknown) => void;
  progress: Progress | undefined;
}

export function openOperations(provisionConcurrency: number, scope: Scope): Operations {
  const locks = createKeyedLock<SandboxId>();
  const slots = createSemaphore(provisionConcurrency);
  const provisionings = new Map<SandboxId, Provisioning>();
  const removals = new Map<SandboxId, Promise<void>>();
  const background = openBackground(scope);

  function start<T>(id: SandboxId, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return background('operation', (own) => locks.run(id, () => task(own), own)).work;
  }

  return {
    run: (id, task, signal) => abortable(start(id, task), signal),
    start,
    provision(id, task) {
      if (provisionings.has(id)) return;
      const { work, child } = background('provision', (own) =>
        locks.run(id, () => slots.run(() => task(own), own), own),
      );
      const entry: Provisioning = { cancel: (reason) => child.abort(reason), progress: undefined };
      provisionings.set(id, entry);
      const forget = (): void => void provisionings.delete(id);
      work.then(forget, forget);
    },
    remove(id, task) {
      const running = removals.get(id);
      if (running !== undefined) return running;
      const { work } = background('remove', task);
      removals.set(id, work);
      const forget = (): void => void removals.delete(id);
      work.then(forget, forget);
      return work;
    },
    cancelProvisioning: (id) => provisionings.get(id)?.cancel(),
    report(id, progress) {
      const entry = provisionings.get(id);
      if (entry !== undefined) entry.progress = progress;
    },
    progress: (id) => provisionings.get(id)?.progress,
    isRemoving: (id) => removals.has(id),
    isBusy: (id) => locks.isBusy(id) || removals.has(id) || provisionings.has(id),
  };
}

/** Starts work that the scope waits for. One listener on the scope's signal serves all of it. */
function openBackground(scope: Scope) {
  const children = new Set<ChildSignal>();
  scope.signal.addEventListener(
    'abort',
    () => {
      for (const child of [...children]) child.abort(scope.signal.reason);
    },
    { once: true },
  );
  return <T>(name: string, task: (signal: AbortSignal) => Promise<T>) => {
    const controller = new AbortController();
    const child: ChildSignal = {
      signal: controller.signal,
      abort: (reason) => controller.abort(reason),
      [Symbol.dispose]: () => void children.delete(child),
    };
    if (scope.signal.aborted) child.abort(scope.signal.reason);
    children.add(child);
    const work = task(child.signal).finally(() => child[Symbol.dispose]());
    const ended = (): void => undefined; // whoever asked for the work hears of its failure
    scope.run(name, () => work.then(ended, ended));
    return { work, child };
  };
}
