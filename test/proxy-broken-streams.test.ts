import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { docker } from './support/docker.ts';
import { openRawStream } from './support/raw-stream.ts';
import {
  DIRECT,
  type ServicePort,
  type ServiceSandbox,
  THROUGH_AGENT,
  openServiceSandbox,
} from './support/service-sandbox.ts';
import { until } from './support/wait.ts';

const LAST_CHUNK = '0\r\n\r\n';
const STREAMS = ['/chunked', '/length', '/events'];

describe('a stream that dies on its way', () => {
  let services: ServiceSandbox;

  beforeAll(async () => {
    services = await openServiceSandbox();
  });

  afterAll(async () => {
    await services[Symbol.asyncDispose]();
  });

  /** Two clients that are in the middle of a stream: what they see when `kill` is done with it. */
  async function expectBroken(port: ServicePort, path: string, kill: () => Promise<unknown>): Promise<void> {
    const answer = await fetch(services.url(port, path));
    const reader = answer.body?.getReader();
    if (reader === undefined) throw new Error('an answer without a body');
    expect((await reader.read()).done).toBe(false);
    const raw = await openRawStream(services.url(port, path));
    await raw.see(path === '/events' ? 'tick 1' : 'piece 1');
    await kill();
    await expect(drain(reader)).rejects.toThrow();
    const whole = await raw.whole();
    expect(whole).toMatch(/^HTTP\/1\.1 200 /);
    expect(whole.endsWith(LAST_CHUNK)).toBe(false);
  }

  describe.each([DIRECT, THROUGH_AGENT])('$way', (port) => {
    it.each(STREAMS)('is broken for the client of %s when the service is killed', async (path) => {
      await services.start(port);
      await expectBroken(port, path, () => services.kill(port));
    });

    it('is broken for a WebSocket when the service is killed', async () => {
      await services.start(port);
      const socket = new WebSocket(services.url(port, '/echo').replace('http', 'ws'));
      await once(socket, 'open');
      const closed = once(socket, 'close') as Promise<[number, Buffer]>;
      socket.on('error', () => undefined); // told by its close
      socket.send('still here');
      await once(socket, 'message');
      await services.kill(port);
      const [code] = await closed;
      // Abnormal, by a close frame that says so or by none: never as if somebody had said goodbye.
      expect([1006, 1011]).toContain(code);
    });

    it('is answered with 502 afterwards, until the service is back', async () => {
      const answer = await fetch(services.url(port, '/state'));
      expect(answer.status).toBe(502);
      const body = (await answer.json()) as { code: string; message: string };
      expect(body.message).toMatch(/^Could not connect to the backend sandbox/);
      expect((await services.start(port)).pid).toBeGreaterThan(0);
      await services.kill(port);
    });
  });

  it('is broken through the agent when the agent is killed, and works again when it is back', async () => {
    await services.start(THROUGH_AGENT);
    await services.start(DIRECT);
    const other = await openRawStream(services.url(DIRECT, '/chunked'));
    await other.see('piece 1');
    await expectBroken(THROUGH_AGENT, '/chunked', async () => {
      const top = await docker('top', services.container, '-eo', 'pid,args');
      const line = top.split('\n').find((row) => /^\s*\d+\s+\S*\/execd(\s|$)/.test(row));
      if (line === undefined) throw new Error(`no agent among ${top}`);
      process.kill(Number(line.trim().split(' ')[0]), 'SIGKILL');
    });
    // What does not go through the agent goes on.
    const seen = other.text().length;
    await until('more of the other stream', 20_000, async () => other.text().length > seen);
    other.close();
    await until('the agent', 30_000, async () =>
      fetch(services.url(THROUGH_AGENT, '/state')).then((answer) => answer.ok),
    );
  });

  it.each([DIRECT, THROUGH_AGENT])('is broken $way when the sandbox is killed', async (port) => {
    const doomed = await openServiceSandbox();
    const before = services;
    services = doomed;
    try {
      await doomed.start(port);
      await expectBroken(port, '/chunked', () => docker('kill', doomed.container));
    } finally {
      services = before;
      await doomed[Symbol.asyncDispose]();
    }
  });
});

async function drain(reader: { read(): Promise<{ readonly done: boolean }> }): Promise<void> {
  while (!(await reader.read()).done);
}
