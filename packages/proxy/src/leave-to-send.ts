import type { ServerResponse } from 'node:http';

const AWAITED = new WeakSet<ServerResponse>();

/**
 * Notes that a client waits for leave (`Expect: 100-continue`) before it sends the body of this request. `forward` gives
 * it once the service is there; to be called from `checkContinue`, where Node leaves it to the listener.
 */
export function awaitLeave(response: ServerResponse): void {
  AWAITED.add(response);
}

/** Lets the client send, if it waits for that. */
export function giveLeave(response: ServerResponse): void {
  if (AWAITED.delete(response)) response.writeContinue();
}
