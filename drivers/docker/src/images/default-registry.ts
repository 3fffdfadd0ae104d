import type { FaultCode } from '@opensandbox/core/ports';
import { createSingleFlight, isFault } from '@opensandbox/base';
import type { Engine } from '../engine/engine.ts';

/**
 * The address of the registry that an engine means when a reference names none, as the engine itself tells it.
 * `undefined` when it tells none.
 */
export type DefaultRegistry = (signal: AbortSignal) => Promise<string | undefined>;

/** Asks the engine when somebody first wants to know, and then never again: the address is built into it. */
export function createDefaultRegistry(engine: Pick<Engine, 'info'>): DefaultRegistry {
  const asking = createSingleFlight<'address', string | undefined>();
  let known: { readonly address: string | undefined } | undefined;

  async function ask(signal: AbortSignal): Promise<string | undefined> {
    try {
      const { IndexServerAddress: address } = await engine.info(signal);
      known = { address: address === '' ? undefined : address };
      return known.address;
    } catch (error) {
      // Some engines are shown in part only; an image of a registry that is named needs no such answer.
      if (isFault(error) && error.code === ('engine.failed' satisfies FaultCode)) return undefined;
      throw error;
    }
  }

  return async (signal) => (known === undefined ? asking.run('address', ask, signal) : known.address);
}
