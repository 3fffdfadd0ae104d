import { createHash } from 'node:crypto';

/** The fixed text of RFC 6455 that proves a server understood the handshake. */
const HANDSHAKE_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** A close frame carries 125 bytes, two of which are the code. */
const LONGEST_REASON_BYTES = 123;

/** Close codes a client may see: the backend is away, or it said no. */
export const BACKEND_AWAY = 1011;
export const BACKEND_REFUSED = 1008;

/** Accepts a handshake and closes at once: browsers show a close code to their scripts, but no HTTP status. */
export function acceptAndClose(key: string, code: number, reason: string): Buffer {
  const accept = createHash('sha1')
    .update(key + HANDSHAKE_GUID)
    .digest('base64');
  const head = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), closeFrame(code, reason)]);
}

export function closeFrame(code: number, reason: string): Buffer {
  const text = cutToBytes(reason, LONGEST_REASON_BYTES);
  const frame = Buffer.alloc(4 + text.length);
  frame[0] = 0x88;
  frame[1] = 2 + text.length;
  frame.writeUInt16BE(code, 2);
  text.copy(frame, 4);
  return frame;
}

/** A close frame without a code, for a client. */
export function emptyCloseFrame(): Buffer {
  return Buffer.from([0x88, 0]);
}

/** A close frame as clients send it: masked, with a mask that changes nothing. */
export function closeFrameToService(code: number): Buffer {
  const frame = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0, 0]);
  frame.writeUInt16BE(code, 6);
  return frame;
}

/** At most `limit` bytes of UTF-8, never half a character. */
function cutToBytes(text: string, limit: number): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= limit) return bytes;
  let end = limit;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}
