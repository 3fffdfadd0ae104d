import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { systemClock } from '@opensandbox/base';
import { expect, it } from 'vitest';
import { readConnection } from '../src/engine/connection.ts';
import { openTransport } from '../src/engine/transport.ts';
import { temporaryDirectory } from './docker-harness.ts';

it('takes a redirection for a refusal, and "not modified" for success', async () => {
  await using directory = await temporaryDirectory();
  const socket = join(directory.path, 'engine.sock');
  const server = createServer((request, response) =>
    response.writeHead(request.url === '/v1.41/odd' ? 301 : 304, { location: '/x' }).end(),
  ).listen(socket);
  await once(server, 'listening');
  using transport = openTransport(readConnection({ DOCKER_HOST: `unix://${socket}` }), '1.41', systemClock());
  const { signal } = new AbortController();
  const call = (path: string) => transport.call({ method: 'GET', path, timeoutMs: 5_000 }, signal);
  try {
    await expect(call('/odd')).rejects.toMatchObject({ code: 'engine.failed', kind: 'internal' });
    expect((await call('/done')).status).toBe(304);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

it('takes many calls under one signal without a warning', async () => {
  await using directory = await temporaryDirectory();
  const socket = join(directory.path, 'engine.sock');
  const server = createServer((_request, response) => response.end('{}')).listen(socket);
  await once(server, 'listening');
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', onWarning);
  try {
    const transport = openTransport(
      readConnection({ DOCKER_HOST: `unix://${socket}` }),
      '1.41',
      systemClock(),
    );
    const { signal } = new AbortController();
    const request = { method: 'GET', path: '/info', timeoutMs: 5_000 } as const;
    await Promise.all(Array.from({ length: 20 }, () => transport.call(request, signal)));
    await new Promise(setImmediate); // warnings come a tick later
    expect(warnings).toEqual([]);
  } finally {
    process.removeListener('warning', onWarning);
    server.closeAllConnections();
    server.close();
  }
});
