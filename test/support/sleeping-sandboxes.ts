import { afterAll, beforeAll, expect } from 'vitest';
import { removeAll } from './docker.ts';
import { openServer, type ApiAnswer, type ServerProcess } from './server-process.ts';

export const BUSYBOX = 'opensandbox-test/busybox:latest';
export const BODY = {
  image: { uri: BUSYBOX },
  entrypoint: ['sleep', '600'],
  resourceLimits: {},
  timeout: 600,
};

export interface SleepingSandboxes {
  readonly server: () => ServerProcess;
  /** Resolves with the id when the sandbox runs. `change` goes over the body of the request. */
  create(change?: object): Promise<string>;
  get(id: string): Promise<ApiAnswer>;
  remove(id: string): Promise<ApiAnswer>;
}

/** One server for the tests of a `describe`, and sandboxes in it that do nothing. */
export function sleepingSandboxes(): SleepingSandboxes {
  let server: ServerProcess;

  beforeAll(async () => {
    server = await openServer();
    await server.start();
  });

  afterAll(async () => {
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
  });

  return {
    server: () => server,
    async create(change = {}) {
      const made = await server.call('POST', '/v1/sandboxes', { ...BODY, ...change }, { Prefer: 'wait=60' });
      expect(made.status, made.text).toBe(202);
      expect(made.json.status.state).toBe('Running');
      return made.json.id;
    },
    get: (id) => server.call('GET', `/v1/sandboxes/${id}`),
    remove: (id) => server.call('DELETE', `/v1/sandboxes/${id}`),
  };
}
