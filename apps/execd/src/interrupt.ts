import { agentFault } from './error-envelope.ts';

/** Something a client may interrupt by an id it was told. Each group of routes registers its own. */
export interface Interruptible {
  /** Whether this id is one of its own, running or not. */
  owns(id: string): boolean | Promise<boolean>;
  /** Ends what runs under the id, or rejects with the reason why there is nothing to end. */
  interrupt(id: string, signal: AbortSignal): Promise<void>;
}

/** Asks the owners in their order; the first that knows the id interrupts it. */
export async function interruptOwner(
  owners: readonly Interruptible[],
  id: string,
  signal: AbortSignal,
): Promise<void> {
  for (const owner of owners) {
    if (await owner.owns(id)) return owner.interrupt(id, signal);
  }
  throw notInterrupted('no such session');
}

export function notInterrupted(reason: string): Error {
  // The misspelling is what clients have always been sent.
  return agentFault('internal', 'RUNTIME_ERROR', `error interruptting code context. ${reason}`);
}
