import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';

/** One connection that the proxy opened to the service. */
export interface BackendConnection {
  readonly socket: Socket;
  /** Everything that came, as Latin-1. */
  text: string;
}

/** Answers one connection; called once, when the first whole request head has come. */
export type Script = (connection: BackendConnection) => void;

export const OK = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok';

/** A service in the sandbox whose bytes a test reads and writes itself. */
export class RawBackend implements AsyncDisposable {
  readonly connections: BackendConnection[] = [];
  readonly #server: Server;
  #changed: () => void = () => undefined;
  /** Hangs up on everybody at once, as an engine's forwarder does with nobody behind it. */
  isForwarderToNobody = false;
  readonly port: number;
  script: Script = ({ socket }) => socket.end(OK);

  constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => {
      if (this.isForwarderToNobody) {
        socket.on('error', () => undefined).destroy();
        return;
      }
      const connection: BackendConnection = { socket, text: '' };
      let isAnswered = false;
      this.connections.push(connection);
      socket.on('error', () => undefined);
      socket.on('data', (bytes: Buffer) => {
        connection.text += bytes.toString('latin1');
        if (!isAnswered && connection.text.includes('\r\n\r\n')) {
          isAnswered = true;
          this.script(connection);
        }
        this.#changed();
      });
      socket.on('close', () => this.#changed());
      this.#changed();
    });
  }

  static async open(host = '127.0.0.1'): Promise<RawBackend> {
    const server = createServer();
    server.listen(0, host);
    await once(server, 'listening');
    return new RawBackend(server);
  }

  /** All bytes of all connections. */
  get text(): string {
    return this.connections.map(({ text }) => text).join('');
  }

  /** The request line that came last. */
  get requestLine(): string {
    return /^[^\r\n]*/.exec(this.connections.at(-1)?.text ?? '')?.[0] ?? '';
  }

  /** Values of a header of the first request on the latest connection, in order. */
  values(name: string): readonly string[] {
    return headerValues(this.connections.at(-1)?.text ?? '', name);
  }

  /** Names of the headers of the first request on the latest connection, lower case, sorted. */
  get names(): readonly string[] {
    return headLines(this.connections.at(-1)?.text ?? '')
      .map((line) => line.slice(0, line.indexOf(':')).toLowerCase())
      .sort();
  }

  /** Waits until the bytes of all connections match. */
  async received(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.text)) await this.changed();
  }

  changed(): Promise<void> {
    return new Promise((resolve) => (this.#changed = resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}

export function headerValues(message: string, name: string): readonly string[] {
  const prefix = `${name.toLowerCase()}:`;
  return headLines(message)
    .filter((line) => line.toLowerCase().startsWith(prefix))
    .map((line) => line.slice(prefix.length).trim());
}

function headLines(message: string): readonly string[] {
  return message
    .slice(0, Math.max(0, message.indexOf('\r\n\r\n')))
    .split('\r\n')
    .slice(1);
}
