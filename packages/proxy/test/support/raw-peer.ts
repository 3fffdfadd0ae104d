import { once } from 'node:events';
import { type Server, type Socket, connect, createServer } from 'node:net';

const PATIENCE_MS = 20_000;

/** One end of a connection whose bytes a test reads and writes itself. */
export class RawPeer implements Disposable {
  readonly socket: Socket;
  text = '';
  /** The other side said that it sends no more. */
  hasEnded = false;
  error: (Error & { readonly code?: string }) | undefined;
  #changed: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      this.text += chunk;
      this.#changed();
    });
    socket.on('end', () => {
      this.hasEnded = true;
      this.#changed();
    });
    socket.on('close', () => this.#changed());
    socket.on('error', (error) => (this.error = error));
  }

  static async open(port: number, allowHalfOpen = false): Promise<RawPeer> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen });
    await once(socket, 'connect');
    return new RawPeer(socket);
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** A request or an answer without a body, or the head of one. */
  head(...lines: readonly string[]): void {
    this.send(`${lines.join('\r\n')}\r\n\r\n`);
  }

  /** Waits until what was received matches; fails when the connection ends first. */
  async received(pattern: RegExp): Promise<RegExpExecArray> {
    const match = await this.until(() => pattern.exec(this.text) ?? undefined);
    if (match === undefined)
      throw new Error(`not received: ${String(pattern)} in ${JSON.stringify(this.text)}`);
    return match;
  }

  async closed(): Promise<void> {
    await this.until(() => (this.socket.closed ? true : undefined));
    if (!this.socket.closed) throw new Error(`still open: ${JSON.stringify(this.text)}`);
  }

  async ended(): Promise<void> {
    await this.until(() => (this.hasEnded ? true : undefined));
    if (!this.hasEnded) throw new Error(`not ended: ${JSON.stringify(this.text)}`);
  }

  /** `undefined` when the connection closed, or nothing came for very long. */
  async until<T>(look: () => T | undefined): Promise<T | undefined> {
    const latest = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = look();
      if (found !== undefined || this.socket.closed || Date.now() > latest) return found;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 500);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** A service inside a sandbox: every connection to it is handed to the test. */
export class RawService implements AsyncDisposable {
  readonly peers: RawPeer[] = [];
  readonly #server: Server;
  #arrived: () => void = () => undefined;

  constructor(server: Server) {
    this.#server = server;
  }

  static async open(port = 0): Promise<RawService> {
    const server = createServer({ allowHalfOpen: true });
    const service = new RawService(server);
    server.on('connection', (socket) => {
      service.peers.push(new RawPeer(socket));
      service.#arrived();
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return service;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** The connection with this number, as soon as it is there. */
  async peer(index: number): Promise<RawPeer> {
    const latest = Date.now() + PATIENCE_MS;
    for (;;) {
      const peer = this.peers[index];
      if (peer !== undefined) return peer;
      if (Date.now() > latest) throw new Error(`no connection ${index}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 500);
        this.#arrived = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.peers) peer.socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}
