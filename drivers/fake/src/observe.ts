import type { Fault } from '@opensandbox/base';
import type { EngineEvent } from '@opensandbox/core/ports';
import type { FakeEngine } from './engine.ts';

/** Snapshot first, then news, until the signal aborts (ends) or the engine goes away (throws). */
export async function* observe(engine: FakeEngine, signal: AbortSignal): AsyncGenerator<EngineEvent> {
  engine.checkReachable('observe');
  const queue: EngineEvent[] = [];
  let lost: Fault | undefined;
  let wake: () => void = () => undefined;
  const onAbort = (): void => wake();
  const link = engine.listen({
    event(event) {
      queue.push(event);
      wake();
    },
    lost(fault) {
      lost = fault;
      wake();
    },
  });
  signal.addEventListener('abort', onAbort);
  try {
    queue.unshift(engine.snapshot());
    for (;;) {
      const event = queue.shift();
      if (signal.aborted) return;
      if (event !== undefined) yield event;
      else if (lost !== undefined) throw lost;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    link[Symbol.dispose]();
    signal.removeEventListener('abort', onAbort);
  }
}
