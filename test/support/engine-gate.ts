import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';

const ENGINE_SOCKET = '/var/run/docker.sock';

/** One call that a server made to the engine, without version prefix and query. */
export interface EngineCall {
  readonly method: string;
  readonly path: string;
}

export type Moment = 'before' | 'after';

/**
 * Stands between a server and the real engine and sees every call. `watch` is told before a call reaches the
 * engine and after the engine has answered it but before the server knows; while it waits, the call waits.
 */
export interface EngineGate {
  readonly dockerHost: string;
  watch: (call: EngineCall, moment: Moment) => Promise<void> | void;
  /** Breaks every connection and refuses new ones until `openAgain`, as an engine that is being restarted. */
  shut(): void;
  openAgain(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openEngineGate(): Promise<EngineGate> {
  const socketPath = join(tmpdir(), `engine-gate-${randomBytes(6).toString('hex')}.sock`);
  const gate: EngineGate = {
    dockerHost: `unix://${socketPath}`,
    watch: () => undefined,
    shut() {
      server.close();
      server.closeAllConnections();
      rmSync(socketPath, { force: true });
    },
    async openAgain() {
      server.listen(socketPath);
      await once(server, 'listening');
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      rmSync(socketPath, { force: true });
    },
  };

  function callOf(incoming: IncomingMessage): EngineCall {
    const path = (incoming.url ?? '').replace(/^\/v1\.\d+/, '').replace(/\?.*$/, '');
    return { method: incoming.method ?? '', path };
  }

  function forward(incoming: IncomingMessage, outgoing: ServerResponse, call: EngineCall): void {
    const { method, url: path, headers } = incoming;
    const engine = request({ socketPath: ENGINE_SOCKET, method, path, headers }, (answer) => {
      void Promise.resolve(gate.watch(call, 'after')).then(() => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        outgoing.flushHeaders();
        answer.pipe(outgoing);
      });
    });
    engine.on('error', () => outgoing.destroy());
    outgoing.on('close', () => engine.destroy());
    incoming.pipe(engine);
  }

  const server = createServer((incoming, outgoing) => {
    const call = callOf(incoming);
    void Promise.resolve(gate.watch(call, 'before')).then(() => forward(incoming, outgoing, call));
  });
  server.listen(socketPath);
  await once(server, 'listening');
  return gate;
}

/** Calls that change the engine: the steps of a create. Ids are replaced so that two runs compare. */
export function stepName(call: EngineCall): string | undefined {
  const changes = ['POST', 'PUT', 'DELETE'].includes(call.method);
  return changes ? `${call.method} ${call.path.replaceAll(/[0-9a-f]{64}/g, '<id>')}` : undefined;
}
