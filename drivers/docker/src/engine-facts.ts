import type { Clock, Logger } from '@opensandbox/base';
import { createSingleFlight, deadline, isFault } from '@opensandbox/base';
import type { EngineInfo } from './engine/answers.ts';
import type { Engine } from './engine/engine.ts';
import { engineTimeout } from './faults.ts';

/** What the engine says of itself and of its host. It changes only when the engine is restarted. */
export interface EngineFacts {
  /** As of late. `undefined` when the engine does not say now and never did; then only trying shows. */
  get(signal: AbortSignal): Promise<EngineInfo | undefined>;
}

const FRESH_MS = 60_000;
/** A request waits for the answer: no longer than this. */
const PATIENCE_MS = 2_000;

export function createEngineFacts(context: {
  readonly engine: Pick<Engine, 'info'>;
  readonly clock: Clock;
  readonly log: Logger;
}): EngineFacts {
  const { engine, clock, log } = context;
  const asking = createSingleFlight<'info', EngineInfo | undefined>();
  let known: { readonly info: EngineInfo; readonly readAt: number } | undefined;

  async function ask(signal: AbortSignal): Promise<EngineInfo | undefined> {
    using limit = deadline(clock, PATIENCE_MS, signal, () => engineTimeout('GET /info', PATIENCE_MS));
    const readAt = clock.now();
    try {
      known = { info: await engine.info(limit.signal), readAt };
    } catch (error) {
      if (isFault(error, 'cancelled')) throw error;
      log.warn('engine.facts_unknown', { error });
    }
    return known?.info;
  }

  return {
    async get(signal) {
      if (known !== undefined && clock.now() - known.readAt < FRESH_MS) return known.info;
      return asking.run('info', ask, signal);
    },
  };
}
