import { randomBytes } from 'node:crypto';
import type { Frame } from './web-socket-frame.ts';
import { closePayload, decodeFrame, encodeClientFrame, frameBytes } from './web-socket-frame.ts';
import { OPCODE, parseClosePayload } from './web-socket-frame.ts';
import type { Upstream } from './upstream.ts';

/** The client's end of a WebSocket. */
export interface ClientSocket {
  /** Resolves when there is room for more. */
  send(message: string | Uint8Array): Promise<void>;
  close(code: number | undefined, reason: string): void;
  /** Ends the connection without the closing handshake. */
  terminate(): void;
  /** Asks for a sign of life. */
  ping(): void;
  /** Stops reading what the client sends, until `resume`. Not even that it left is noticed meanwhile. */
  pause(): void;
  resume(): void;
  /** How much of what was sent waits for room. */
  bufferedBytes(): number;
}

/** What happens on the client's end, passed on to the application. */
export interface WebSocketRelay {
  opened(client: ClientSocket): void;
  message(message: string | Uint8Array): void;
  /** A ping or a pong came. */
  alive?(): void;
  closed(code: number, reason: string): void;
}

const LONGEST_MESSAGE_BYTES = 256 * 1024 * 1024;
const TOO_BIG = 1009;
/** Room for one message of the longest kind and a little more. */
const MOST_UNSENT_BYTES = LONGEST_MESSAGE_BYTES + 16 * 1024 * 1024;

/** Joins a client to an application that has accepted the upgrade; whole messages go both ways. */
export function createWebSocketRelay(
  upstream: Upstream,
  onFailure: (error: unknown) => void,
): WebSocketRelay {
  const { socket } = upstream;
  const write = (opcode: number, payload: Uint8Array): void => {
    if (socket.destroyed) return;
    socket.write(encodeClientFrame(opcode, payload, randomBytes(4)));
    // The client's side cannot be told to wait: an application that does not read loses its connection.
    if (socket.writableLength > MOST_UNSENT_BYTES) socket.destroy();
  };
  return {
    opened(client) {
      pump(upstream, client, write).catch((error: unknown) => {
        onFailure(error);
        client.terminate();
        socket.destroy();
      });
    },
    message(message) {
      if (typeof message === 'string') write(OPCODE.text, Buffer.from(message));
      else write(OPCODE.binary, message);
    },
    closed(code, reason) {
      if (code === 1006) socket.destroy();
      else if (!socket.destroyed) {
        write(OPCODE.close, closePayload(code, reason));
        socket.end();
      }
    },
  };
}

/** Hands on what the application sends, until either side ends. */
async function pump(
  upstream: Upstream,
  client: ClientSocket,
  write: (opcode: number, payload: Uint8Array) => void,
): Promise<void> {
  const parts: Buffer[] = [];
  let messageOpcode: number = OPCODE.binary;
  for await (const frame of readFrames(upstream)) {
    if (frame.opcode === OPCODE.ping) write(OPCODE.pong, frame.payload);
    if (frame.opcode === OPCODE.close) {
      const { code, reason } = parseClosePayload(frame.payload);
      client.close(code === 1005 ? undefined : code, reason);
      return;
    }
    if (frame.opcode >= OPCODE.close) continue;
    if (frame.opcode !== OPCODE.continuation) messageOpcode = frame.opcode;
    parts.push(frame.payload);
    if (parts.reduce((sum, part) => sum + part.length, 0) > LONGEST_MESSAGE_BYTES) {
      client.close(TOO_BIG, 'message too big');
      upstream.socket.destroy();
      return;
    }
    if (!frame.final) continue;
    const payload = Buffer.concat(parts.splice(0));
    await client.send(messageOpcode === OPCODE.text ? payload.toString('utf8') : payload);
  }
  client.terminate();
}

async function* readFrames(upstream: Upstream): AsyncGenerator<Frame, void> {
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const decoded = decodeFrame(bytes);
    if (decoded !== undefined) {
      bytes = decoded.rest;
      yield decoded.frame;
      continue;
    }
    // Collected before they are joined: joining piece by piece would be quadratic in a long frame.
    const pieces = [bytes];
    let have = bytes.length;
    const wanted = frameBytes(bytes) ?? have + 1;
    if (wanted > LONGEST_MESSAGE_BYTES) throw new Error('a frame is too long');
    while (have < wanted) {
      const more = await upstream.reader.read();
      if (more === undefined) return;
      pieces.push(more);
      have += more.length;
    }
    bytes = Buffer.concat(pieces);
  }
}
