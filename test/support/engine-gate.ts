import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Transform } from 'node:stream';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';

const ENGINE_SOCKET = '/var/run/docker.sock';

/** One call that a server made to the engine, without version prefix and query. */
export interface EngineCall {
  readonly method: string;
  readonly path: string;
}

/** `during`: a first part of a large body has reached the engine. Calls with small bodies have no such moment. */
export type Moment = 'before' | 'during' | 'after';

/**
 * `refuse`: the engine never hears of it, the caller gets an error. `lie`: the engine has done it, the caller gets an
 * error all the same. `break`: the engine has done it, and the connection ends instead of an answer.
 */
export type CallFate = 'pass' | 'refuse' | 'lie' | 'break';

/** How much of a body the engine gets before the moment `during`. */
const FIRST_PART_BYTES = 4 << 20;

/**
 * Stands between a server and the real engine and sees every call. `watch` is told before a call reaches the
 * engine and after the engine has answered it but before the server knows; while it waits, the call waits. A
 * caller that dies before its call reached the engine takes the call along.
 */
export interface EngineGate {
  readonly dockerHost: string;
  /** What becomes of a call; everything passes unless said otherwise. Asked once for each. */
  fateOf: (call: EngineCall) => CallFate;
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
    fateOf: () => 'pass',
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

  function fail(outgoing: ServerResponse): void {
    outgoing.writeHead(500, { 'Content-Type': 'application/json' });
    outgoing.end('{"message":"this call was made to fail"}');
  }

  function forward(incoming: IncomingMessage, outgoing: ServerResponse, call: EngineCall): void {
    const fate = gate.fateOf(call);
    if (fate === 'refuse') {
      incoming.resume();
      fail(outgoing);
      return;
    }
    const { method, url: path, headers } = incoming;
    const engine = request({ socketPath: ENGINE_SOCKET, method, path, headers }, (answer) => {
      void Promise.resolve(gate.watch(call, 'after')).then(() => {
        if (fate === 'break') outgoing.destroy();
        if (fate === 'lie') fail(outgoing);
        if (fate !== 'pass') {
          answer.resume();
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        outgoing.flushHeaders();
        answer.pipe(outgoing);
      });
    });
    engine.on('error', () => outgoing.destroy());
    outgoing.on('close', () => engine.destroy());
    incoming.pipe(firstPartWatch(() => gate.watch(call, 'during'))).pipe(engine);
  }

  const server = createServer((incoming, outgoing) => {
    const call = callOf(incoming);
    void Promise.resolve(gate.watch(call, 'before')).then(() => {
      if (!outgoing.closed) forward(incoming, outgoing, call);
    });
  });
  server.listen(socketPath);
  await once(server, 'listening');
  return gate;
}

/** Lets everything through, and waits once for `watch` when the first part has gone. */
function firstPartWatch(watch: () => Promise<void> | void): Transform {
  let left = FIRST_PART_BYTES;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const isFirstPart = left > 0;
      left -= chunk.length;
      this.push(chunk);
      if (isFirstPart && left <= 0) void Promise.resolve(watch()).then(() => done());
      else done();
    },
  });
}

/**
 * Calls that change the engine: the steps of a create. Ids are replaced so that two runs compare. The clearing of
 * old agent volumes goes on beside a create and is none of its steps.
 */
export function stepName(call: EngineCall): string | undefined {
  const changes =
    ['POST', 'PUT', 'DELETE'].includes(call.method) && !call.path.startsWith('/volumes/opensandbox-agent-');
  return changes ? `${call.method} ${call.path.replaceAll(/[0-9a-f]{64}/g, '<id>')}` : undefined;
}
