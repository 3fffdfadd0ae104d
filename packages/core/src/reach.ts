import { Fault } from '@opensandbox/base';
import type { PortAddress } from './lifecycle/lifecycle.ts';
import type { Reach } from './sandbox.ts';

/** Where the agent listens inside every sandbox; it forwards `/proxy/<port>/…` to that port. */
const AGENT_PORT = 44772;
/** The one other port that engines publish of every sandbox. */
const HTTP_PORT = 8080;
/** The screen and the remote desktop of a Windows guest, when they are published: no agent is before them. */
const SCREEN_PORTS = [8006, 3389];

export function checkPort(port: number): void {
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return;
  throw new Fault('invalid', 'port.invalid', 'Port must be between 1 and 65535.');
}

/** Which address to dial for a port, and what to put before the path. */
export function addressOf(reach: Reach, port: number): PortAddress {
  switch (reach.kind) {
    case 'host':
    case 'direct':
      return { reach, port, pathPrefix: '' };
    case 'mapped': {
      if (port === HTTP_PORT) {
        const direct = reach.ports[HTTP_PORT];
        if (direct === undefined) throw missingMapping(port);
        return { reach, port: direct, pathPrefix: '' };
      }
      const screen = SCREEN_PORTS.includes(port) ? reach.ports[port] : undefined;
      if (screen !== undefined) return { reach, port: screen, pathPrefix: '' };
      const agent = reach.ports[AGENT_PORT];
      if (agent === undefined) throw missingMapping(port);
      return { reach, port: agent, pathPrefix: `/proxy/${port}` };
    }
    case 'none':
      throw missingMapping(port);
  }
}

function missingMapping(port: number): Fault {
  const what = port === HTTP_PORT ? `container port ${HTTP_PORT}` : `execd proxy port ${AGENT_PORT}`;
  return new Fault('internal', 'endpoint.unavailable', `Missing host port mapping for ${what}.`);
}
