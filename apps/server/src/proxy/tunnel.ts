import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, Fault, type Logger, toFault } from '@opensandbox/base';
import { type Lifecycle, sandboxId } from '@opensandbox/core';
import type { SandboxWays } from '../sandbox-ways.ts';
import { clientGone } from '../client-signal.ts';
import { decodedPath, normaliseTarget } from '../request-path.ts';
import { faultToResponse } from '../wire-codes.ts';
import { parsePort } from '../wire/index.ts';
import { type HandshakeAnswer, dial } from './dial.ts';
import { endAndDrain } from './end-and-drain.ts';
import { upstreamHeaders } from './proxy-headers.ts';
import { proxyRest, proxyRoute, upstreamPath } from './proxy-path.ts';
import { BACKEND_AWAY, BACKEND_REFUSED, acceptAndClose } from './websocket-refusal.ts';

export interface TunnelDeps {
  readonly lifecycle: Lifecycle;
  readonly ways: SandboxWays;
  readonly runtimeName: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Handover {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** Bytes that the client sent behind its handshake. */
  readonly head: Buffer;
  readonly requestId: string;
}

/**
 * Carries a WebSocket between a client and the service inside a sandbox. The handshake is the service's own
 * affair: its head is passed on, and after the answer both directions are plain bytes.
 */
export async function openTunnel(deps: TunnelDeps, handover: Handover, signal: AbortSignal): Promise<number> {
  const { request, socket, head } = handover;
  try {
    const answer = await shakeHands(deps, handover, signal);
    if (answer.status !== 101) {
      answer.socket.destroy();
      return refuse({ request, socket, clock: deps.clock }, BACKEND_REFUSED, '');
    }
    socket.write(answer.bytes);
    answer.socket.write(head);
    await join(socket, answer.socket);
    return 101;
  } catch (error) {
    const fault = toFault(error, 'proxy.unreachable');
    if (fault.code === 'proxy.unreachable') deps.ways.doubt();
    if (fault.kind === 'cancelled') {
      socket.destroy();
      return 499;
    }
    deps.log.debug('proxy.websocket_failed', { requestId: handover.requestId, error: fault });
    const { body } = faultToResponse(fault, deps.runtimeName);
    const reason = fault.code === 'proxy.unreachable' ? '' : `${body.code}: ${body.message}`;
    return refuse({ request, socket, clock: deps.clock }, BACKEND_AWAY, reason);
  }
}

async function shakeHands(
  { lifecycle, ways, clock }: TunnelDeps,
  { request, requestId, socket }: Handover,
  signal: AbortSignal,
): Promise<HandshakeAnswer> {
  const target = request.url ?? '';
  const normalised = normaliseTarget(target);
  const route = proxyRoute(decodedPath(normalised));
  if (route === undefined) throw new Fault('not_found', 'route.not_found', 'Not Found');
  const controller = new AbortController();
  const onClose = (): void => controller.abort(clientGone());
  const onClosing = (): void => controller.abort(signal.reason);
  socket.once('close', onClose);
  signal.addEventListener('abort', onClosing, { once: true });
  try {
    const address = await lifecycle.resolve(sandboxId(route.id), parsePort(route.port), controller.signal);
    const path = upstreamPath(address, proxyRest(target, normalised));
    const { host, port } = await ways.to(address, controller.signal);
    const rawHeaders = request.rawHeaders;
    const peer = request.socket.remoteAddress;
    const lines = [
      `GET ${path} HTTP/1.1`,
      `Host: ${host.includes(':') ? `[${host}]` : host}:${port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
    ];
    const headers = upstreamHeaders({ rawHeaders, requestId, peer });
    for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
    const head = `${lines.join('\r\n')}\r\n\r\n`;
    return await dial({ host, port, head }, clock, controller.signal);
  } finally {
    socket.removeListener('close', onClose);
    signal.removeEventListener('abort', onClosing);
  }
}

function refuse(
  { request, socket, clock }: Pick<Handover, 'request' | 'socket'> & { readonly clock: Clock },
  code: number,
  reason: string,
): number {
  endAndDrain(socket, acceptAndClose(request.headers['sec-websocket-key'] ?? '', code, reason), clock);
  return 101;
}

/**
 * Pipes both ways until one side has gone; the other first gets what is still on its way to it. A WebSocket has
 * no half-closed state, so one end is the end.
 */
function join(client: Duplex, service: Socket): Promise<void> {
  return new Promise((resolve) => {
    let open = 2;
    const link = (side: Duplex, other: Duplex): void => {
      side.pipe(other);
      side.on('error', () => other.destroy());
      side.once('end', () => finish(other));
      side.once('close', () => {
        finish(other);
        open -= 1;
        if (open === 0) resolve();
      });
    };
    link(client, service);
    link(service, client);
  });
}

/** Closes a stream once everything that was written to it has left. */
function finish(stream: Duplex): void {
  if (stream.writableFinished) stream.destroy();
  else stream.end(() => stream.destroy());
}
