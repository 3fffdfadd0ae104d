import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '@opensandbox/base';
import { requestIdOf } from '@opensandbox/http';
import { writeAccessLine } from './access-log.ts';
import type { AppDeps } from './app-options.ts';
import type { Capacity } from './capacity.ts';
import { endAndDrain } from './proxy/end-and-drain.ts';
import { replayWithoutUpgrade } from './proxy/replay.ts';
import { proxyRoute } from './proxy/proxy-path.ts';
import { openTunnel } from './proxy/tunnel.ts';
import { decodedPath, normaliseTarget } from './request-path.ts';

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
    openTunnel(deps, { request, socket, head, requestId }, closing).then(done, (error: unknown) => {
      deps.log.error('proxy.websocket_failed', { requestId, error });
      socket.destroy();
      done(500);
    });
  });
  return {
    closeAll() {
      for (const socket of tunnels) socket.destroy();
    },
  };
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
