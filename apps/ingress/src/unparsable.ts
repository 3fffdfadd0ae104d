import type { Duplex } from 'node:stream';
import { plainAnswer } from './wire-faults.ts';
import { formatPlainAnswer } from './wire-text.ts';

/** Answers what is no HTTP request, and closes the connection. */
export function answerUnparsable(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(formatPlainAnswer(answerOf(error.code)), () => socket.destroy());
}

function answerOf(code: string | undefined) {
  if (code === 'HPE_HEADER_OVERFLOW')
    return plainAnswer(431, 'OpenSandbox Ingress: request headers too large\n');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return plainAnswer(408, 'OpenSandbox Ingress: request timeout\n');
  return plainAnswer(400, 'OpenSandbox Ingress: invalid HTTP request\n');
}
