import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, type Fault, toFault } from '@opensandbox/base';
import { clientGone } from './client-signal.ts';
import { type HandshakeAnswer, dial } from './dial.ts';
import { endAndDrain } from './end-and-drain.ts';
import type { AnswerHead } from './answer-head.ts';
import type { Destination } from './exchange.ts';
import { relayAnswer } from './relay-answer.ts';
import type { TrafficHooks } from './traffic.ts';
import { TrafficMeter } from './traffic-meter.ts';
import { TunnelPipe } from './tunnel-pipe.ts';
import { BACKEND_AWAY, BACKEND_REFUSED, acceptAndClose } from './websocket-refusal.ts';

const TCP_KEEP_ALIVE_AFTER_MS = 30_000;
/** What a client may send before its handshake is answered; it gets no further until then. */
const MOST_EARLY_BYTES = 64 * 1024;

/** A connection that a client asked to be made a WebSocket. */
export interface Handover {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** Bytes that the client sent behind its handshake. */
  readonly head: Buffer;
}

export interface TunnelDeps extends TrafficHooks {
  readonly clock: Clock;
  /** Finds where the handshake goes. */
  readonly find: (signal: AbortSignal) => Promise<Destination>;
  /** Told of every failure before the client is; answers the reason for the close frame (`''` for none). */
  readonly failed: (fault: Fault) => string;
  /**
   * What a client gets when the service answers a handshake with something else than 101. `close-frame` (the default):
   * the handshake is accepted and closed with 1008; `relay`: the service's own answer, as it is.
   */
  readonly refusal?: 'close-frame' | 'relay';
  /** The whole HTTP answer to a handshake that could not be passed on, in place of one accepted and closed. */
  readonly failureAnswer?: (fault: Fault) => string;
  /** Looks at the head of the answer to a handshake; a Fault that it throws counts as no answer. */
  readonly inspect?: (head: AnswerHead) => void;
  /** Another place to try when the first gave no answer; `undefined` when there is none. */
  readonly instead?: (fault: Fault, signal: AbortSignal) => Promise<Destination | undefined>;
}

/**
 * Carries a WebSocket between a client and a service. The handshake is the service's own affair: its head is passed
 * on, and after the answer both directions are plain bytes. Resolves, when the connection has ended, with the status
 * for the access log.
 */
export async function openTunnel(deps: TunnelDeps, handover: Handover, signal: AbortSignal): Promise<number> {
  const { socket } = handover;
  const meter = new TrafficMeter(deps);
  try {
    const answer = await shakeHands(deps, handover, signal);
    meter.answered(answer.status);
    if (answer.status !== 101) return await passRefusal(deps, handover, answer);
    await carry(deps, handover, { answer, meter });
    return 101;
  } catch (error) {
    meter.ended(true);
    const fault = toFault(error, 'proxy.unreachable');
    if (fault.kind === 'cancelled') {
      socket.destroy();
      return 499;
    }
    const reason = deps.failed(fault);
    if (deps.failureAnswer !== undefined) {
      const answer = deps.failureAnswer(fault);
      endAndDrain(socket, answer, deps.clock);
      return Number(answer.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length));
    }
    return refuse(deps, handover, { code: BACKEND_AWAY, reason });
  } finally {
    meter.ended(false);
  }
}

/** Resolves when both sides have gone. */
async function carry(
  { clock }: TunnelDeps,
  { socket: client, head }: Handover,
  { answer, meter }: { readonly answer: HandshakeAnswer; readonly meter: TrafficMeter },
): Promise<void> {
  const { socket: service, bytes, headBytes } = answer;
  if (client instanceof Socket) client.setKeepAlive(true, TCP_KEEP_ALIVE_AFTER_MS);
  await new Promise<void>((resolve) => {
    const pipe = new TunnelPipe({ client, service }, { meter, clock }, (isBroken) => {
      meter.ended(isBroken);
      resolve();
    });
    client.write(bytes);
    pipe.start({ fromClient: head, fromService: bytes.subarray(headBytes) });
  });
}

/** The service answered, and it was no. */
async function passRefusal(
  deps: TunnelDeps,
  handover: Handover,
  { socket: service, status, bytes }: HandshakeAnswer,
): Promise<number> {
  if (deps.refusal !== 'relay' || status < 200) {
    service.destroy();
    return refuse(deps, handover, { code: BACKEND_REFUSED, reason: '' });
  }
  try {
    await relayAnswer(service, bytes, handover.socket);
    endAndDrain(handover.socket, '', deps.clock);
  } catch {
    // It broke off in the middle. Where the end of the connection is the end of the answer, only a reset tells.
    if (handover.socket instanceof Socket) handover.socket.resetAndDestroy();
    else handover.socket.destroy();
  }
  return status;
}

async function shakeHands(
  deps: TunnelDeps,
  { socket }: Handover,
  signal: AbortSignal,
): Promise<HandshakeAnswer> {
  const controller = new AbortController();
  const onClosing = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', onClosing, { once: true });
  if (signal.aborted) onClosing();
  const waiting = watchClient(socket, () => controller.abort(clientGone()));
  try {
    try {
      return await ask(deps, await deps.find(controller.signal), controller.signal);
    } catch (error) {
      const other = await deps.instead?.(toFault(error, 'proxy.unreachable'), controller.signal);
      if (other === undefined) throw error;
      return await ask(deps, other, controller.signal);
    }
  } finally {
    waiting[Symbol.dispose]();
    signal.removeEventListener('abort', onClosing);
  }
}

/** Notices a client that leaves before its handshake is answered. That takes reading; what was read is put back. */
function watchClient(socket: Duplex, onGone: () => void): Disposable {
  const early: Buffer[] = [];
  let earlyBytes = 0;
  const onData = (bytes: Buffer): void => {
    early.push(bytes);
    earlyBytes += bytes.length;
    if (earlyBytes > MOST_EARLY_BYTES) socket.pause();
  };
  socket.on('data', onData);
  socket.once('end', onGone);
  socket.once('close', onGone);
  return {
    [Symbol.dispose]() {
      socket.pause();
      socket.removeListener('data', onData);
      socket.removeListener('end', onGone);
      socket.removeListener('close', onGone);
      if (earlyBytes > 0 && !socket.destroyed) socket.unshift(Buffer.concat(early));
    },
  };
}

async function ask(
  { clock, inspect }: TunnelDeps,
  { host, port, path, headers }: Destination,
  signal: AbortSignal,
): Promise<HandshakeAnswer> {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host.includes(':') ? `[${host}]` : host}:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
  ];
  for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  const answer = await dial({ host, port, head: `${lines.join('\r\n')}\r\n\r\n` }, clock, signal);
  try {
    inspect?.(headOf(answer));
    return answer;
  } catch (error) {
    answer.socket.destroy();
    throw error;
  }
}

function headOf({ status, bytes }: HandshakeAnswer): AnswerHead {
  const end = Math.max(0, bytes.indexOf('\r\n\r\n'));
  const [, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const rawHeaders = lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return colon < 1 ? [] : [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { status, rawHeaders };
}

function refuse(
  { clock }: TunnelDeps,
  { request, socket }: Handover,
  { code, reason }: { readonly code: number; readonly reason: string },
): number {
  endAndDrain(socket, acceptAndClose(request.headers['sec-websocket-key'] ?? '', code, reason), clock);
  return 101;
}
