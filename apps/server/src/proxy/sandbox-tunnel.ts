import type { IncomingMessage } from 'node:http';
import { Fault } from '@opensandbox/base';
import { sandboxId } from '@opensandbox/core';
import type { Destination, TunnelDeps } from '@opensandbox/proxy';
import type { AppDeps } from '../app-options.ts';
import { decodedPath, normaliseTarget } from '../request-path.ts';
import { faultToResponse } from '../wire-codes.ts';
import { parsePort } from '../wire/index.ts';
import { type Detours, readAgentsAnswer } from './detours.ts';
import { proxyRest, proxyRoute } from './proxy-path.ts';
import { type SandboxDestination, sandboxDestination } from './sandbox-destination.ts';

export interface SandboxTunnelDeps extends AppDeps {
  readonly detours: Detours;
}

/** One handshake for a port of a sandbox. */
export interface SandboxHandshake {
  readonly request: IncomingMessage;
  readonly requestId: string;
}

/** How a WebSocket finds its sandbox, and what the client is told when it does not. */
export function sandboxTunnel(deps: SandboxTunnelDeps, handshake: SandboxHandshake): TunnelDeps {
  const { log, ways, detours, runtimeName } = deps;
  const asked = (): ReturnType<typeof askedBy> => askedBy(handshake);
  let current: SandboxDestination | undefined;
  const use = (found: SandboxDestination | undefined): Destination | undefined => {
    current = found;
    return found?.destination;
  };
  return {
    clock: deps.clock,
    active: () => deps.lifecycle.accessed(asked().id, 'server_proxy'),
    observed: (facts) => deps.telemetry?.trackOf(handshake.request).observed(facts),
    async find(signal) {
      current = await sandboxDestination(deps, asked(), signal);
      return current.destination;
    },
    async instead() {
      // A handshake changes nothing where it is not answered: it may be sent the other way.
      const other = current?.other;
      if (other === undefined) return undefined;
      detours.forget(asked().id);
      return use(await other());
    },
    inspect(head) {
      if (current === undefined) return;
      if (current.way === 'agent') readAgentsAnswer(current.destination.name)(head);
      if (current.isChoice) detours.worked(asked().id, current.way);
    },
    failed(fault) {
      const isUnreachable = fault.code === 'proxy.unreachable';
      if (isUnreachable && fault.details?.['agentSaid'] === undefined) ways.doubt();
      log.debug('proxy.websocket_failed', { requestId: handshake.requestId, error: fault });
      const { body } = faultToResponse(fault, runtimeName);
      return isUnreachable ? '' : `${body.code}: ${body.message}`;
    },
  };
}

function askedBy({ request, requestId }: SandboxHandshake) {
  const raw = request.url ?? '';
  const normalised = normaliseTarget(raw);
  const route = proxyRoute(decodedPath(normalised));
  if (route === undefined) throw new Fault('not_found', 'route.not_found', 'Not Found');
  const target = proxyRest(raw, normalised);
  return { id: sandboxId(route.id), port: parsePort(route.port), target, request, requestId };
}
