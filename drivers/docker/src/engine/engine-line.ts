import { buffer } from 'node:stream/consumers';
import type { Clock } from '@opensandbox/base';
import { deadline } from '@opensandbox/base';
import type { DockerEnvironment } from '../deps.ts';
import { engineTimeout, readConnectionFailure, tellWhere } from '../faults.ts';
import { readConnection } from './connection.ts';
import type { EngineRequest } from './http-client.ts';
import { openHttpClient, send } from './http-client.ts';
import { readJson } from './transport.ts';

/** For tools that ask an engine a few things, the way the driver reaches it. */
export interface EngineLine extends Disposable {
  /** For messages. */
  readonly name: string;
  /** Whether it is a socket of this machine. */
  readonly isSocket: boolean;
  /** Whether a variable or a context named it. */
  readonly isChosen: boolean;
  /** Answers of any status. Rejects with a Fault for people when there is none. */
  call(request: LineRequest, signal: AbortSignal): Promise<LineAnswer>;
}

export type LineRequest = Pick<EngineRequest, 'path' | 'query' | 'body' | 'tar' | 'timeoutMs'> & {
  readonly method: 'GET' | 'POST' | 'DELETE';
};

export interface LineAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Connects with the first call. Rejects what no connection can be made from. */
export function openEngineLine(env: DockerEnvironment, clock: Clock): EngineLine {
  const connection = readConnection(env);
  const client = openHttpClient(connection, undefined, { keepAlive: true, maxSockets: 1 });
  return {
    name: connection.name,
    isSocket: connection.socketPath !== undefined,
    isChosen: connection.isChosen,
    async call(request, signal) {
      const { method, path, timeoutMs } = request;
      using limit = deadline(clock, timeoutMs, signal, () => engineTimeout(`${method} ${path}`, timeoutMs));
      try {
        const response = await send(client, request, limit.signal);
        return { status: response.statusCode ?? 0, body: readJson(await buffer(response)) };
      } catch (error) {
        throw tellWhere(readConnectionFailure(error, limit.signal), connection);
      }
    },
    [Symbol.dispose]: () => client.agent.destroy(),
  };
}
