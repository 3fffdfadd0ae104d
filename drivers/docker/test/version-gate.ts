import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SOCKET } from './docker-harness.ts';

/** Stands before the real engine and pretends to be one that speaks other API versions. */
export interface VersionGate extends AsyncDisposable {
  /** What it speaks from now on, as if the engine had been replaced; connections stay. */
  speak(newest: string, oldest: string): void;
  /** The versions that were asked for since the last time, each once. */
  takeAsked(): readonly string[];
}

export async function openVersionGate(socket: string): Promise<VersionGate> {
  let range = { newest: 41, oldest: 12 };
  let asked = new Set<string>();

  function answer(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const [, minor, rest] = /^(?:\/v1\.(\d+))?(\/.*)$/.exec(incoming.url ?? '') ?? [];
    if (rest === '/version') {
      const body = { ApiVersion: `1.${range.newest}`, MinAPIVersion: `1.${range.oldest}`, Os: 'linux' };
      outgoing.end(JSON.stringify(body));
      return;
    }
    // An unversioned path is that of a client that speaks what the header names.
    outgoing.setHeader('api-version', `1.${range.newest}`);
    if (minor !== undefined) asked.add(`1.${minor}`);
    const why =
      Number(minor) > range.newest ? 'too new' : Number(minor) < range.oldest ? 'too old' : undefined;
    if (why !== undefined) {
      incoming.resume();
      outgoing.writeHead(400, { 'content-type': 'application/json' });
      outgoing.end(JSON.stringify({ message: `client version 1.${minor} is ${why}.` }));
      return;
    }
    forward(incoming, outgoing, rest ?? '/');
  }

  const server = createServer(answer).listen(socket);
  await once(server, 'listening');
  return {
    speak: (newest, oldest) => {
      range = { newest: Number(newest.slice(2)), oldest: Number(oldest.slice(2)) };
    },
    takeAsked: () => {
      const taken = [...asked].sort();
      asked = new Set();
      return taken;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse, path: string): void {
  const { method, headers } = incoming;
  const engine = request({ socketPath: SOCKET, method, path: `/v1.41${path}`, headers }, (answer) => {
    const given = { ...answer.headers };
    delete given['api-version'];
    outgoing.writeHead(answer.statusCode ?? 502, given);
    outgoing.flushHeaders();
    answer.pipe(outgoing);
  });
  engine.on('error', () => outgoing.destroy());
  outgoing.on('close', () => engine.destroy());
  incoming.pipe(engine);
}
