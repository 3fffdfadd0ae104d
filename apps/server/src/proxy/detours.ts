import { connect } from 'node:net';
import { type Clock, Fault } from '@opensandbox/base';
import type { PortAddress, SandboxId } from '@opensandbox/core';
import { SEALED_HEAD, headerIn, openAnswer } from '@opensandbox/http';
import type { AnswerHead } from '@opensandbox/proxy';
import { AGENT_PORT } from '../sandbox-ways.ts';

/** The port that engines publish beside the agent's; what listens there inside may listen on loopback only. */
const HTTP_PORT = 8080;
/** Sandboxes whose way is remembered. */
const MOST_REMEMBERED = 10_000;
/** A forwarder with nobody behind it hangs up much sooner. */
const HANG_UP_MS = 500;
/** Set by the agent on the answers that it gives itself in place of a service. It takes the header from what services say. */
const OWN_ANSWER = 'opensandbox-execd-proxy';

/** The two ways to the published port of a sandbox. */
export type Way = 'published' | 'agent';

/**
 * Which of the two ways led to a sandbox's published port. The engine's forwarder reaches services that listen on all
 * addresses, the agent also those on the sandbox's loopback. Only what was seen to work is remembered.
 */
export interface Detours {
  known(id: SandboxId): Way | undefined;
  worked(id: SandboxId, way: Way): void;
  forget(id: SandboxId): void;
}

export function createDetours(): Detours {
  const ways = new Map<SandboxId, Way>();
  return {
    known: (id) => ways.get(id),
    worked(id, way) {
      if (ways.get(id) === way) return;
      ways.set(id, way);
      if (ways.size <= MOST_REMEMBERED) return;
      const [oldest] = ways.keys();
      if (oldest !== undefined) ways.delete(oldest);
    },
    forget: (id) => void ways.delete(id),
  };
}

/** The address of the same service by way of the agent; `undefined` when there is no second way. */
export function detourOf({ reach, pathPrefix }: PortAddress, port: number): PortAddress | undefined {
  if (reach.kind !== 'mapped' || port !== HTTP_PORT || pathPrefix !== '') return undefined;
  const agent = reach.ports[AGENT_PORT];
  return agent === undefined ? undefined : { reach, port: agent, pathPrefix: `/proxy/${port}` };
}

/**
 * Reads the head of an answer that came through the agent. Throws what the agent says about the port in its own name, as
 * if the service's address had said it; returns the head of the service where the agent's would lose something.
 */
export function readAgentsAnswer(name: string): (head: AnswerHead) => AnswerHead | undefined {
  return ({ status, rawHeaders }) => {
    const said = headerIn(rawHeaders, OWN_ANSWER);
    if (said !== undefined && said !== 'unauthorized') {
      const text =
        said === 'refused'
          ? `Could not connect to the backend sandbox: nothing listens on ${name}.`
          : `An internal error occurred in the proxy: ${name} closed the connection or sent no valid HTTP answer.`;
      throw new Fault('unavailable', 'proxy.unreachable', text, { details: { agentSaid: said } });
    }
    const sealed = headerIn(rawHeaders, SEALED_HEAD);
    const opened = sealed === undefined ? undefined : openAnswer(sealed);
    return opened === undefined ? undefined : { status, rawHeaders: opened };
  };
}

/** True when a connection is refused, or ended by the other side before anything was sent. */
export function nobodyListens(
  { host, port }: { readonly host: string; readonly port: number },
  clock: Clock,
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (isNobody: boolean): void => {
      timer[Symbol.dispose]();
      socket.destroy();
      resolve(isNobody);
    };
    const timer = clock.at(clock.now() + HANG_UP_MS, () => finish(false));
    socket.once('data', () => finish(false));
    socket.once('end', () => finish(true));
    socket.once('error', () => finish(true));
  });
}
