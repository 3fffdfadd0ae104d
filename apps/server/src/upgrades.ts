import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Clock, toFault } from '@opensandbox/base';
import { requestIdOf } from '@opensandbox/http';
import { endAndDrain, openTunnel, replayWithoutUpgrade } from '@opensandbox/proxy';
import { writeAccessLine } from './access-log.ts';
import { API_KEY_HEADER, createKeyCheck } from './auth.ts';
import type { Capacity } from './capacity.ts';
import { proxyRoute } from './proxy/proxy-path.ts';
import { type SandboxTunnelDeps, sandboxTunnel } from './proxy/sandbox-tunnel.ts';
import { decodedPath, normaliseTarget } from './request-path.ts';
import { faultToResponse } from './wire-codes.ts';

/** As metrics and traces name it; the short form is the same route. */
const WEBSOCKET_ROUTE = '/sandboxes/:id/proxy/:port/*';

/** Connections that left HTTP. They are no requests, so closing the server does not end them by itself. */
export interface Upgrades {
  closeAll(): void;
}

/**
 * WebSockets exist below proxied ports only: a handshake elsewhere is refused. They need no key there, unless the
 * configuration asks for one.
 */
export function handleUpgrades(
  server: Server,
  { deps, capacity, closing }: { deps: SandboxTunnelDeps; capacity: Capacity; closing: AbortSignal },
): Upgrades {
  const tunnels = new Set<Duplex>();
  const refuse = handshakeCheck(deps);
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    if (request.headers.upgrade?.toLowerCase() !== 'websocket' || request.method !== 'GET') {
      replayWithoutUpgrade(server, request, { socket, head });
      return;
    }
    tunnels.add(socket);
    socket.once('close', () => tunnels.delete(socket));
    const requestId = requestIdOf(request.headers['x-request-id'], deps.newUuid);
    const target = normaliseTarget(request.url ?? '');
    const refusal = refuse(request, target) ?? (capacity.enter() ? undefined : OVERLOADED);
    if (refusal !== undefined) {
      answerPlainly(socket, { ...refusal, requestId }, deps.clock);
      return;
    }
    const peer = request.socket.remoteAddress;
    const startedAt = deps.clock.now();
    const track = deps.telemetry?.began(request);
    const done = (status: number): void => {
      capacity.leave();
      track?.ended(status, WEBSOCKET_ROUTE);
      const durationMs = deps.clock.now() - startedAt;
      writeAccessLine(deps.log, {
        request,
        target,
        requestId,
        traceId: track?.traceId,
        peer,
        status,
        durationMs,
      });
    };
    openTunnel(sandboxTunnel(deps, { request, requestId }), { request, socket, head }, closing).then(
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

const OVERLOADED = { status: '503 Service Unavailable', code: 'GENERAL::OVERLOADED' };

/** What a handshake is refused with; `undefined` when nothing is wrong with it. */
function handshakeCheck({
  options,
  runtimeName,
}: SandboxTunnelDeps): (request: IncomingMessage, target: string) => Refusal | undefined {
  const isKeyAsked = options.proxy?.requireApiKey === true && options.apiKey !== undefined;
  const checkKey = isKeyAsked ? createKeyCheck(options.apiKey) : () => undefined;
  return (request, target) => {
    if (proxyRoute(decodedPath(target)) === undefined) {
      return { status: '403 Forbidden', code: 'GENERAL::FORBIDDEN' };
    }
    try {
      checkKey(request.headers[API_KEY_HEADER]);
      return undefined;
    } catch (error) {
      const { code, message } = faultToResponse(toFault(error), runtimeName).body;
      return { status: '401 Unauthorized', code, message };
    }
  };
}

type Refusal = Omit<PlainAnswer, 'requestId'>;

interface PlainAnswer {
  readonly status: string;
  readonly code: string;
  /** The words of the status when absent. */
  readonly message?: string;
  readonly requestId: string;
}

function answerPlainly(socket: Duplex, answer: PlainAnswer, clock: Clock): void {
  const { code, message = answer.status.replace(/^\d+ /, '') } = answer;
  const body = JSON.stringify({ code, message });
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
