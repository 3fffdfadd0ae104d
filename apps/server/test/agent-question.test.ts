import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { askOverHttp } from '../src/agent-probe.ts';

it.each([
  ['an agent', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', true],
  ['an agent that refuses', 'HTTP/1.1 401 Unauthorized\r\n\r\n', true],
  ['a failure', 'HTTP/1.1 502 Bad Gateway\r\n\r\n', false],
  ['bytes that never make a line', 'x'.repeat(100_000), false],
])(
  'takes %s for what it is without waiting for the end',
  async (_, answer, expected) => {
    // Stays open: whoever asks has to hang up.
    const server = createServer((socket) => {
      socket.on('error', () => undefined).resume();
      socket.write(answer);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      expect(await askOverHttp('127.0.0.1', port, new AbortController().signal)).toBe(expected);
    } finally {
      server.close();
      await once(server, 'close');
    }
  },
  5_000,
);
