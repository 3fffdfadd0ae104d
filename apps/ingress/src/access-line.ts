import type { Logger } from '@opensandbox/base';
import { ACCESS_EVENT } from '@opensandbox/log';
import type { Passage } from './route-request.ts';
import { plainAddress } from './upstream-request.ts';

export interface AccessFacts {
  readonly kind: 'http' | 'websocket';
  readonly method: string | undefined;
  readonly status: number;
  readonly durationMs: number;
  readonly peer: string | undefined;
}

/**
 * One line for each request. Paths, queries and host names stay out of it: they carry signatures, and what is behind
 * them belongs to the service inside.
 */
export function writeAccessLine(log: Logger, { route }: Passage, facts: AccessFacts): void {
  const { kind, method, status, durationMs, peer } = facts;
  log.info(ACCESS_EVENT, {
    kind,
    method,
    status,
    ms: durationMs,
    ...(route === undefined
      ? {}
      : { sandboxId: printable(route.sandboxId), port: route.port, signed: route.proof !== undefined }),
    ...(peer === undefined ? {} : { peer: plainAddress(peer) }),
  });
}

const LONGEST_ID = 128;

/** A name that a client made up may hold anything. */
function printable(id: string): string {
  return id.slice(0, LONGEST_ID).replace(/[^\x21-\x7e]/g, '?');
}
