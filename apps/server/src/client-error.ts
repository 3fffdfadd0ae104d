import type { Socket } from 'node:net';
import { requestIdOf } from '@opensandbox/http';

const ANSWERS: Readonly<Record<string, { readonly status: string; readonly message: string }>> = {
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    message: 'The request headers are too large.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    message: 'The request did not arrive in time.',
  },
};
const MALFORMED = { status: '400 Bad Request', message: 'Invalid HTTP request received.' };

/** Answers what is no HTTP request, in the usual shape, and closes the connection. */
export function answerUnparsable(
  error: Error & { readonly code?: string },
  socket: Socket,
  newUuid: () => string,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, message } = ANSWERS[error.code ?? ''] ?? MALFORMED;
  const body = JSON.stringify({ detail: message, code: 'GENERAL::INVALID_REQUEST', message });
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-ID: ${requestIdOf(undefined, newUuid)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroySoon());
}
