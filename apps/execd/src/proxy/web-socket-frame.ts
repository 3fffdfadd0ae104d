/** One frame of the WebSocket protocol, unmasked. */
export interface Frame {
  readonly final: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** The first whole frame of `bytes` and what follows it; undefined while there is none. */
export function decodeFrame(bytes: Buffer): { readonly frame: Frame; readonly rest: Buffer } | undefined {
  if (bytes.length < 2) return undefined;
  const first = bytes.readUInt8(0);
  const second = bytes.readUInt8(1);
  const size = payloadSize(bytes, second & 0x7f);
  if (size === undefined) return undefined;
  const maskAt = size.headerBytes;
  const masked = (second & 0x80) !== 0;
  const start = maskAt + (masked ? 4 : 0);
  const end = start + size.bytes;
  if (bytes.length < end) return undefined;
  const body = bytes.subarray(start, end);
  const payload = masked ? mask(body, bytes.subarray(maskAt, start)) : body;
  return {
    frame: { final: (first & 0x80) !== 0, opcode: first & 0x0f, payload },
    rest: bytes.subarray(end),
  };
}

/** How many bytes the first frame has in all; undefined while its length has not arrived. */
export function frameBytes(bytes: Buffer): number | undefined {
  if (bytes.length < 2) return undefined;
  const second = bytes.readUInt8(1);
  const size = payloadSize(bytes, second & 0x7f);
  return size === undefined ? undefined : size.headerBytes + ((second & 0x80) === 0 ? 0 : 4) + size.bytes;
}

function payloadSize(
  bytes: Buffer,
  short: number,
): { readonly bytes: number; readonly headerBytes: number } | undefined {
  if (short < 126) return { bytes: short, headerBytes: 2 };
  if (short === 126) return bytes.length < 4 ? undefined : { bytes: bytes.readUInt16BE(2), headerBytes: 4 };
  if (bytes.length < 10) return undefined;
  return { bytes: Number(bytes.readBigUInt64BE(2)), headerBytes: 10 };
}

/** A whole message in one frame, masked as clients must. */
export function encodeClientFrame(opcode: number, payload: Uint8Array, maskKey: Buffer): Buffer {
  const header = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10);
  header.writeUInt8(0x80 | opcode, 0);
  if (header.length === 2) header.writeUInt8(0x80 | payload.length, 1);
  if (header.length === 4) {
    header.writeUInt8(0x80 | 126, 1);
    header.writeUInt16BE(payload.length, 2);
  }
  if (header.length === 10) {
    header.writeUInt8(0x80 | 127, 1);
    header.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([header, maskKey, mask(payload, maskKey)]);
}

function mask(payload: Uint8Array, key: Uint8Array): Buffer {
  const masked = Buffer.from(payload);
  for (let at = 0; at < masked.length; at += 1) masked[at] = (payload[at] ?? 0) ^ (key[at & 3] ?? 0);
  return masked;
}

/** The payload of a close frame; code 1005 stands for none. */
export function closePayload(code: number, reason: string): Buffer {
  if (code === 1005 || code === 1006) return Buffer.alloc(0);
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return payload;
}

export function parseClosePayload(payload: Buffer): { readonly code: number; readonly reason: string } {
  if (payload.length < 2) return { code: 1005, reason: '' };
  return { code: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) };
}
