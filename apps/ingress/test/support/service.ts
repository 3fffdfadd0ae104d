import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Seen {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Stands for what runs inside a sandbox: remembers requests and answers as told. */
export class Service implements AsyncDisposable {
  readonly server: Server;
  readonly seen: Seen[] = [];
  answer: Answer = (_request, response) => response.end('ok');
  readonly #sockets = new Set<Socket>();

  constructor(server: Server) {
    this.server = server;
  }

  static async open(): Promise<Service> {
    const server = createServer({ maxHeaderSize: 128 * 1024 });
    const service = new Service(server);
    server.on('connection', (socket) => {
      service.#sockets.add(socket);
      socket.once('close', () => service.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    server.on('request', (request, response) => void service.#take(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return service;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Values of a header in the newest request, in order. */
  values(name: string): readonly string[] {
    const raw = this.seen.at(-1)?.rawHeaders ?? [];
    return raw.filter((_text, at) => at % 2 === 1 && raw[at - 1]?.toLowerCase() === name.toLowerCase());
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { method = '', url: target = '', rawHeaders } = request;
    this.seen.push({ method, target, rawHeaders, body });
    this.answer(request, response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}
