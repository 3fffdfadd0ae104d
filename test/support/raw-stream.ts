import { once } from 'node:events';
import { connect } from 'node:net';
import { until } from './wait.ts';

/** An answer as its bytes come, with the framing still on. */
export interface RawStream {
  text(): string;
  /** Waits until the answer holds `text`. */
  see(text: string): Promise<void>;
  /** Resolves with everything that came, when the server has closed the connection. */
  whole(): Promise<string>;
  /** Stops reading. */
  pause(): void;
  /** How much has come. */
  bytes(): number;
  close(): void;
}

/** Asks by hand: a client library would hide how an answer ended. */
export async function openRawStream(url: string): Promise<RawStream> {
  const { hostname, port, host, pathname, search } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (more: string) => (text += more));
  socket.on('error', () => undefined); // a reset is an end like any other here
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return {
    text: () => text,
    async see(wanted) {
      await until(`${JSON.stringify(wanted)} in the answer`, 30_000, async () => text.includes(wanted));
    },
    async whole() {
      await until('the end of the connection', 30_000, async () => socket.closed);
      return text;
    },
    pause: () => void socket.pause(),
    bytes: () => socket.bytesRead,
    close: () => void socket.destroy(),
  };
}
