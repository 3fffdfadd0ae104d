import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, type Fault, toFault } from '@opensandbox/base';
import { clientGone } from './client-signal.ts';
import { type HandshakeAnswer, dial } from './dial.ts';
import { endAndDrain } from './end-and-drain.ts';
import type { Destination } from './forward.ts';
import { BACKEND_AWAY, BACKEND_REFUSED, acceptAndClose } from './websocket-refusal.ts';

/** A connection that a client asked to be made a WebSocket. */
export interface Handover {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** Bytes that the client sent behind its handshake. */
  readonly head: Buffer;
}

export interface TunnelDeps {
  readonly clock: Clock;
  /** Finds where the handshake goes. */
  readonly find: (signal: AbortSignal) => Promise<Destination>;
  /** Told of every failure before the client is; answers the reason for the close frame (`''` for none). */
  readonly failed: (fault: Fault) => string;
}

/**
 * Carries a WebSocket between a client and a service. The handshake is the service's own affair: its head is passed
 * on, and after the answer both directions are plain bytes. Resolves, when the connection has ended, with the status
 * for the access log.
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
    if (fault.kind === 'cancelled') {
      socket.destroy();
      return 499;
    }
    return refuse({ request, socket, clock: deps.clock }, BACKEND_AWAY, deps.failed(fault));
  }
}

async function shakeHands(
  { clock, find }: TunnelDeps,
  { socket }: Handover,
  signal: AbortSignal,
): Promise<HandshakeAnswer> {
  const controller = new AbortController();
  const onClose = (): void => controller.abort(clientGone());
  const onClosing = (): void => controller.abort(signal.reason);
  socket.once('close', onClose);
  signal.addEventListener('abort', onClosing, { once: true });
  try {
    const { host, port, path, headers } = await find(controller.signal);
    const lines = [
      `GET ${path} HTTP/1.1`,
      `Host: ${host.includes(':') ? `[${host}]` : host}:${port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
    ];
    for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
    return await dial({ host, port, head: `${lines.join('\r\n')}\r\n\r\n` }, clock, controller.signal);
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
