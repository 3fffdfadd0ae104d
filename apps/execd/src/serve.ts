import type { Logger } from '@opensandbox/base';
import type { Agent } from './agent.ts';
import type { BunRuntime, BunServer, BunWebSocket } from './bun-runtime.ts';
import { faultResponse } from './error-envelope.ts';
import type { ClientSocket, WebSocketRelay } from './proxy/web-socket-relay.ts';

const MEBIBYTE = 1024 * 1024;
/** Seconds; the longest the runtime knows. It pings a silent client by itself well before. */
const SOCKET_IDLE_S = 120;
const PROTOCOL_HEADER = 'sec-websocket-protocol';
/** What may wait for room in a client's connection: more is dropped. */
const LONGEST_QUEUE_BYTES = 16 * MEBIBYTE;
/** With no more than this waiting there is room for the next message. */
const ROOM_BYTES = MEBIBYTE;

interface Connection {
  readonly relay: WebSocketRelay;
  /** Those who wait for room to send. */
  readonly waiting: (() => void)[];
  isClosed: boolean;
}

export interface Listening {
  readonly port: number;
  /** Stops accepting and lets what runs end; cuts it off when `signal` aborts. */
  stop(signal: AbortSignal): Promise<void>;
}

/** Opens the agent's port on every IPv4 address. Connections have no time limit and bodies no size limit. */
export function listen(
  bun: BunRuntime,
  agent: Agent,
  address: { readonly hostname: string; readonly port: number },
  log: Logger,
): Listening {
  const server = bun.serve({
    ...address,
    development: false,
    reusePort: false,
    idleTimeout: 0,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: (request, self) => agent(request, visitorOf(request, self)),
    error(error) {
      log.error('request.crashed', { error: String(error) });
      return faultResponse(error);
    },
    websocket: {
      idleTimeout: SOCKET_IDLE_S,
      maxPayloadLength: 256 * MEBIBYTE,
      backpressureLimit: LONGEST_QUEUE_BYTES,
      closeOnBackpressureLimit: false,
      perMessageDeflate: false,
      sendPings: true,
      open: (socket) => connectionOf(socket).relay.opened(clientSocket(socket)),
      message: (socket, message) => connectionOf(socket).relay.message(message),
      drain: wakeSenders,
      ping: (socket) => connectionOf(socket).relay.alive?.(),
      pong: (socket) => connectionOf(socket).relay.alive?.(),
      close(socket, code, reason) {
        connectionOf(socket).isClosed = true;
        wakeSenders(socket);
        connectionOf(socket).relay.closed(code, reason);
      },
    },
  });
  return {
    port: server.port,
    async stop(signal) {
      const cut = (): void => void server.stop(true);
      if (signal.aborted) cut();
      else signal.addEventListener('abort', cut, { once: true });
      await server.stop();
      signal.removeEventListener('abort', cut);
    },
  };
}

function visitorOf(request: Request, server: BunServer): Parameters<Agent>[1] {
  return {
    address: server.requestIP(request)?.address,
    upgrade(headers, relay) {
      const data: Connection = { relay, waiting: [], isClosed: false };
      // Where the answer names no protocol the runtime would agree to the first that the client offered.
      if (!headers.has(PROTOCOL_HEADER)) request.headers.delete(PROTOCOL_HEADER);
      return server.upgrade(request, { headers, data });
    },
  };
}

function connectionOf(socket: BunWebSocket): Connection {
  return socket.data as Connection; // only `visitorOf` makes WebSockets
}

function wakeSenders(socket: BunWebSocket): void {
  for (const wake of connectionOf(socket).waiting.splice(0)) wake();
}

/** Resolves when the next message is sure to be taken: one that finds too much waiting is dropped. */
async function roomIn(socket: BunWebSocket): Promise<void> {
  const connection = connectionOf(socket);
  while (!connection.isClosed && socket.getBufferedAmount() > ROOM_BYTES) {
    await new Promise<void>((resume) => void connection.waiting.push(resume));
  }
}

function clientSocket(socket: BunWebSocket): ClientSocket {
  return {
    send(message) {
      socket.send(message);
      return roomIn(socket);
    },
    close: (code, reason) => (code === undefined ? socket.close() : socket.close(code, reason)),
    terminate: () => socket.terminate(),
    ping: () => void socket.ping(),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    bufferedBytes: () => socket.getBufferedAmount(),
  };
}
