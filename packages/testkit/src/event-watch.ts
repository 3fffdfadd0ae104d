import type { EngineEvent, Observation, RuntimeDriver, SandboxId } from '@opensandbox/core/ports';

/** Listens to a driver and remembers what it said. */
export interface EventWatch {
  readonly events: readonly EngineEvent[];
  /** Resolves with the first event, past or future, that `match` accepts. */
  until(what: string, match: (event: EngineEvent) => boolean): Promise<EngineEvent>;
  /** Ends the observation; resolves when the driver's iterable has ended. */
  stop(): Promise<void>;
}

export function watchEvents(driver: RuntimeDriver, newsMs: number): EventWatch {
  const controller = new AbortController();
  const events: EngineEvent[] = [];
  const waiting = new Set<() => void>();
  let failure: unknown;

  const reading = (async () => {
    try {
      for await (const event of driver.observe(controller.signal)) {
        events.push(event);
        for (const wake of [...waiting]) wake();
      }
      failure = new Error('the driver ended its observation');
    } catch (error) {
      failure = error;
    }
    for (const wake of [...waiting]) wake();
  })();

  return {
    events,
    until: (what, match) =>
      new Promise((resolve, reject) => {
        const finish = (end: () => void): void => {
          waiting.delete(check);
          timeout.removeEventListener('abort', late);
          end();
        };
        const late = (): void =>
          finish(() =>
            reject(new Error(`no news of "${what}" within ${newsMs} ms; got ${describe(events)}`)),
          );
        const check = (): void => {
          const found = events.find(match);
          if (found !== undefined) finish(() => resolve(found));
          else if (failure !== undefined) finish(() => reject(failure));
        };
        const timeout = AbortSignal.timeout(newsMs);
        timeout.addEventListener('abort', late);
        waiting.add(check);
        check();
      }),
    async stop() {
      controller.abort();
      await reading;
    },
  };
}

/** Whether `event`, single or in a snapshot, shows the sandbox in a state that `accept` takes. */
export function shows(id: SandboxId, accept: (observation: Observation) => boolean) {
  return (event: EngineEvent): boolean => {
    if (event.type === 'observed') return event.observation.id === id && accept(event.observation);
    return event.type === 'snapshot' && event.observations.some((one) => one.id === id && accept(one));
  };
}

/** Whether `event` says that the sandbox is no longer there. Snapshots count when they began after `since`. */
export function showsGone(id: SandboxId, since: number) {
  return (event: EngineEvent): boolean => {
    if (event.type === 'gone') return event.id === id;
    if (event.type !== 'snapshot' || event.readAt <= since) return false;
    return !event.observations.some((one) => one.id === id);
  };
}

function describe(events: readonly EngineEvent[]): string {
  return events
    .map((event) => {
      if (event.type === 'observed') return `observed ${event.observation.phase}`;
      return event.type === 'gone' ? 'gone' : `snapshot of ${event.observations.length}`;
    })
    .join(', ');
}
