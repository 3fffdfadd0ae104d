import { STATUS_CODES } from 'node:http';
import type { PlainAnswer } from './wire-faults.ts';

/** An answer as the bytes of a connection that has left Node's HTTP server. It is the last one on it. */
export function formatPlainAnswer({ status, headers, body }: PlainAnswer): string {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
