import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Hands a connection back to the HTTP parser when the upgrade that it asked for is not one this server makes
 * (`h2c`, a WebSocket handshake with the wrong method): the request then proceeds as if nobody had asked. Node
 * takes the socket away from its parser before it says so, hence the head is written once more.
 */
export function replayWithoutUpgrade(
  server: Server,
  request: IncomingMessage,
  { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
): void {
  const { rawHeaders, method = 'GET', httpVersion } = request;
  const lines = [`${method} ${request.url ?? '/'} HTTP/${httpVersion}`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    const value = rawHeaders[at + 1] ?? '';
    const kept = name.toLowerCase() === 'connection' ? withoutUpgrade(value) : value;
    if (kept !== '' || value === '') lines.push(`${name}: ${kept}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}

function withoutUpgrade(options: string): string {
  return options
    .split(',')
    .map((option) => option.trim())
    .filter((option) => option !== '' && option.toLowerCase() !== 'upgrade')
    .join(', ');
}
