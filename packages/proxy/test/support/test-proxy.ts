import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { isFault, systemClock } from '@opensandbox/base';
import {
  type AnswerHead,
  type Destination,
  type TrafficFacts,
  type TunnelDeps,
  type Upstream,
  type UpstreamOptions,
  awaitLeave,
  createUpstream,
  forward,
  openTunnel,
  serverClosing,
  upstreamHeaders,
} from '@opensandbox/proxy';

/** The smallest server around the engine: everything goes to one service, and a Fault becomes a plain answer. */
export class TestProxy implements AsyncDisposable {
  readonly server: Server;
  readonly upstream: Upstream;
  readonly facts: TrafficFacts[] = [];
  readonly closing = new AbortController();
  /** Statuses with which tunnels ended. */
  readonly tunnels: number[] = [];
  activeCalls = 0;
  name = 'port 80 of sandbox a';
  tunnel: Partial<TunnelDeps> = {};
  /** Stands for the head of every answer when it answers one. */
  inspect: (head: AnswerHead) => AnswerHead | undefined = () => undefined;
  readonly #port: () => number;

  constructor(port: () => number, options: UpstreamOptions) {
    this.#port = port;
    this.upstream = createUpstream(options);
    this.server = createServer({ requestTimeout: 0 });
    const handle = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#handle(request, response);
    this.server.on('request', handle);
    this.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      awaitLeave(response);
      handle(request, response);
    });
    this.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#upgrade(request, { socket, head });
    });
  }

  static async open(service: { readonly port: number }, options: UpstreamOptions = {}): Promise<TestProxy> {
    const proxy = new TestProxy(() => service.port, options);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  #destination(request: IncomingMessage): Destination {
    return {
      name: this.name,
      host: '127.0.0.1',
      port: this.#port(),
      path: request.url ?? '/',
      headers: upstreamHeaders(request.rawHeaders, { dropped: new Set() }),
    };
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const hooks = {
      active: () => void (this.activeCalls += 1),
      observed: (facts: TrafficFacts) => void this.facts.push(facts),
    };
    const exchange = {
      request,
      response,
      destination: this.#destination(request),
      own: () => ({ 'x-own': '1' }),
      inspect: (head: AnswerHead) => this.inspect(head),
    };
    try {
      await forward(this.upstream, { ...exchange, ...hooks }, this.closing.signal);
    } catch (error) {
      const fault = isFault(error) ? error : undefined;
      const status = fault?.kind === 'timeout' ? 504 : fault?.kind === 'invalid' ? 400 : 502;
      if (!response.destroyed) response.writeHead(status).end(`${fault?.code ?? ''}: ${String(error)}`);
    }
  }

  async #upgrade(
    request: IncomingMessage,
    { socket, head }: { socket: Duplex; head: Buffer },
  ): Promise<void> {
    socket.on('error', () => socket.destroy());
    const deps: TunnelDeps = {
      clock: systemClock(),
      find: () => Promise.resolve(this.#destination(request)),
      failed: (fault) => fault.code,
      observed: (facts) => void this.facts.push(facts),
      ...this.tunnel,
    };
    this.tunnels.push(await openTunnel(deps, { request, socket, head }, this.closing.signal));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.abort(serverClosing());
    this.server.closeAllConnections();
    this.server.close();
    await this.upstream.close();
    if (this.server.listening) await once(this.server, 'close');
  }
}
