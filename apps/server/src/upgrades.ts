import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Clock, Fault } from '@opensandbox/base';
import { sandboxId } from '@opensandbox/core';
import { requestIdOf } from '@opensandbox/http';
import {
  type Destination,
  type TunnelDeps,
  endAndDrain,
  openTunnel,
  replayWithoutUpgrade,
} from '@opensandbox/proxy';
import { writeAccessLine } from './access-log.ts';
import type { AppDeps } from './app-options.ts';
import type { Capacity } from './capacity.ts';
import { proxyRest, proxyRoute } from './proxy/proxy-path.ts';
import { sandboxDestination } from './proxy/sandbox-destination.ts';
import { decodedPath, normaliseTarget } from './request-path.ts';
import { faultToResponse } from './wire-codes.ts';
import { parsePort } from './wire/index.ts';

/** Connections that left HTTP. They are no requests, so closing the server does not end them by itself. */
export interface Upgrades {
  closeAll(): void;
}

/** WebSockets exist below proxied ports only, and need no key there: a handshake elsewhere is refused. */
export function handleUpgrades(
  server: Server,
  { deps, capacity, closing }: { deps: AppDeps; capacity: Capacity; closing: AbortSignal },
): Upgrades {
  const tunnels = new Set<Duplex>();
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    if (request.headers.upgrade?.toLowerCase() !== 'websocket' || request.method !== 'GET') {
      replayWithoutUpgrade(server, request, { socket, head });
      return;
    }
    tunnels.add(socket);
    socket.once('close', () => tunnels.delete(socket));
    const requestId = requestIdOf(request.headers['x-request-id'], deps.newUuid);
    if (proxyRoute(decodedPath(normaliseTarget(request.url ?? ''))) === undefined) {
      answerPlainly(socket, { status: '403 Forbidden', code: 'GENERAL::FORBIDDEN', requestId }, deps.clock);
      return;
    }
    if (!capacity.enter()) {
      answerPlainly(
        socket,
        { status: '503 Service Unavailable', code: 'GENERAL::OVERLOADED', requestId },
        deps.clock,
      );
      return;
    }
    const peer = request.socket.remoteAddress;
    const startedAt = deps.clock.now();
    const done = (status: number): void => {
      capacity.leave();
      const durationMs = deps.clock.now() - startedAt;
      writeAccessLine(deps.log, { request, requestId, peer, status, durationMs });
    };
    openTunnel(tunnelDeps(deps, request, requestId), { request, socket, head }, closing).then(
      done,
      (error: unknown) => {
        deps.log.error('proxy.websocket_failed', { requestId, error });
        socket.destroy();
        done(500);
      },
    );
  });
  return {
    closeAll() {
      for (const socket of tunnels) socket.destroy();
    },
  };
}

function tunnelDeps(deps: AppDeps, request: IncomingMessage, requestId: string): TunnelDeps {
  return {
    clock: deps.clock,
    find: (signal) => findDestination(deps, { request, requestId }, signal),
    failed(fault) {
      if (fault.code === 'proxy.unreachable') deps.ways.doubt();
      deps.log.debug('proxy.websocket_failed', { requestId, error: fault });
      const { body } = faultToResponse(fault, deps.runtimeName);
      return fault.code === 'proxy.unreachable' ? '' : `${body.code}: ${body.message}`;
    },
  };
}

async function findDestination(
  deps: AppDeps,
  { request, requestId }: { readonly request: IncomingMessage; readonly requestId: string },
  signal: AbortSignal,
): Promise<Destination> {
  const raw = request.url ?? '';
  const normalised = normaliseTarget(raw);
  const route = proxyRoute(decodedPath(normalised));
  if (route === undefined) throw new Fault('not_found', 'route.not_found', 'Not Found');
  const asked = { id: sandboxId(route.id), port: parsePort(route.port), target: proxyRest(raw, normalised) };
  return sandboxDestination(deps, { ...asked, request, requestId }, signal);
}

function answerPlainly(
  socket: Duplex,
  answer: { readonly status: string; readonly code: string; readonly requestId: string },
  clock: Clock,
): void {
  const body = JSON.stringify({ code: answer.code, message: answer.status.replace(/^\d+ /, '') });
  const lines = [
    `HTTP/1.1 ${answer.status}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-ID: ${answer.requestId}`,
    'Connection: close',
    '',
    body,
  ];
  endAndDrain(socket, lines.join('\r\n'), clock);
}
