import type { AddressInfo } from 'node:net';
import { systemClock } from '@opensandbox/base';
import { RawBackend } from './raw-backend.ts';
import { RawConnection } from './raw-http.ts';
import { type TestApp, type TestAppOptions, openTestApp } from './test-app.ts';

/** How long a condition may take on a machine that is busy with everything else. */
export const PATIENCE = { timeout: 20_000 };

/** A server that listens, one running sandbox of the fake runtime, and what stands for the services inside it. */
export interface ProxyWorld extends AsyncDisposable {
  readonly test: TestApp;
  readonly port: number;
  readonly id: string;
  /** Listens where port 8080 of the sandbox is published. */
  readonly backend: RawBackend;
  /** Listens where the agent of the sandbox is published. */
  readonly agent: RawBackend;
  /** The target of a proxied request to port 8080. */
  target(rest: string): string;
  connect(): Promise<RawConnection>;
  /** Sends a request with these lines on a connection of its own, and resolves with everything that was answered. */
  ask(...lines: readonly string[]): Promise<string>;
}

export async function openProxyWorld(options: TestAppOptions = {}): Promise<ProxyWorld> {
  const backend = await RawBackend.open();
  const agent = await RawBackend.open();
  const test = await openTestApp({
    httpClock: systemClock(),
    ...options,
    engine: { ports: { 44772: agent.port, 8080: backend.port }, ...options.engine },
  });
  await test.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = test.app.server.address() as AddressInfo;
  const id = await test.running();
  return {
    test,
    port,
    id,
    backend,
    agent,
    target: (rest) => `/v1/sandboxes/${id}/proxy/8080${rest}`,
    connect: () => RawConnection.open(port),
    async ask(...lines) {
      using connection = await RawConnection.open(port);
      const [first = '', ...others] = lines;
      connection.send(first, 'Host: my.host', 'Connection: close', ...others);
      await connection.closed();
      return connection.text;
    },
    async [Symbol.asyncDispose]() {
      await test[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
      await agent[Symbol.asyncDispose]();
    },
  };
}

/** The JSON body of an answer. */
export function bodyOf(answer: string): unknown {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as unknown;
}
