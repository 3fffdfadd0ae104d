import type { Logger, Scope } from '@opensandbox/base';
import { openScope } from '@opensandbox/base';
import type { FakeClock } from './fake-clock.ts';
import { settle } from './fake-clock.ts';

/** Opens scopes for one test and fails it when a scope or a timer outlives it, saying where it was opened. */
export interface LeakCheck {
  openScope(log: Logger): Scope;
  /** Call at the end of a test, after everything was closed. */
  assertClean(): Promise<void>;
}

export function leakCheck(clock?: FakeClock): LeakCheck {
  const open = new Map<Scope, string>();
  return {
    openScope(log) {
      const scope = openScope(log);
      const tracked: Scope = {
        signal: scope.signal,
        own: (resource) => scope.own(resource),
        run: (name, task) => scope.run(name, task),
        async [Symbol.asyncDispose]() {
          await scope[Symbol.asyncDispose]();
          open.delete(tracked);
        },
      };
      open.set(tracked, new Error('opened').stack ?? '');
      return tracked;
    },
    async assertClean() {
      await settle();
      const scopes = [...open.values()].map((stack) => `a Scope is still open:\n${stack}`);
      const timers = (clock?.pending ?? []).map((timer) => `a timer is still armed:\n${timer.armedAt}`);
      if (scopes.length + timers.length > 0) throw new Error([...scopes, ...timers].join('\n\n'));
    },
  };
}
