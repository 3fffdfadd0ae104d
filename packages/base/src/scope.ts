import { toFault } from './fault.ts';
import type { Logger } from './logger.ts';

/**
 * A lifetime: a signal, resources that close in reverse order, and background tasks that are awaited.
 * Closing aborts the signal first, then waits for the tasks, then disposes what is owned.
 */
export interface Scope extends AsyncDisposable {
  readonly signal: AbortSignal;
  own<T extends Disposable | AsyncDisposable>(resource: T): T;
  /** Starts a background loop. A loop that throws while the scope is open is logged as an error. */
  run(name: string, task: (signal: AbortSignal) => Promise<void>): void;
}

export function openScope(log: Logger): Scope {
  const controller = new AbortController();
  const owned: (Disposable | AsyncDisposable)[] = [];
  const tasks = new Set<Promise<void>>();
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    controller.abort();
    await Promise.all(tasks);
    for (const resource of owned.reverse()) {
      try {
        if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
        else resource[Symbol.dispose]();
      } catch (error) {
        log.error('scope.close_failed', { error });
      }
    }
  }

  return {
    signal: controller.signal,
    own(resource) {
      owned.push(resource);
      return resource;
    },
    run(name, task) {
      const running = task(controller.signal).catch((error: unknown) => {
        if (!controller.signal.aborted) log.error('task.failed', { task: name, error: toFault(error) });
      });
      tasks.add(running);
      void running.finally(() => tasks.delete(running));
    },
    [Symbol.asyncDispose]() {
      closing ??= close();
      return closing;
    },
  };
}
