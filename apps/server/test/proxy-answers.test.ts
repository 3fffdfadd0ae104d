import { sandboxId } from '@opensandbox/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PATIENCE, type ProxyWorld, bodyOf, openProxyWorld } from './support/proxy-world.ts';
import { headerValues } from './support/raw-backend.ts';
import { AUTH, CREATE, KEY } from './support/test-app.ts';

let world: ProxyWorld;

beforeEach(async () => {
  world = await openProxyWorld({ engine: { ports: undefined } });
});
afterEach(() => world[Symbol.asyncDispose]());

const get = (id: string, rest = '/'): string => `GET /v1/sandboxes/${id}/proxy/8080${rest} HTTP/1.1`;

async function post(path: string): Promise<void> {
  await world.test.app.inject({ method: 'POST', url: `/v1/sandboxes/${path}`, headers: AUTH });
}

describe('a proxied request to a sandbox that', () => {
  it('was never heard of gets 404', async () => {
    const answer = await world.ask(get('none'));
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(bodyOf(answer)).toEqual({
      code: 'DOCKER::SANDBOX_NOT_FOUND',
      message: 'Sandbox none not found.',
    });
  });

  it('starts waits for it, and is told to come back when that takes too long', async () => {
    await world[Symbol.asyncDispose]();
    world = await openProxyWorld({ engine: { imageMs: 60_000 } });
    const { app, clock } = world.test;
    const created = await app.inject({
      method: 'POST',
      url: '/v1/sandboxes',
      headers: AUTH,
      payload: CREATE,
    });
    const { id } = created.json<{ id: string }>();
    let isAnswered = false;
    const early = world.ask(get(id)).finally(() => (isAnswered = true));
    // The request may still be on its way when time goes on, hence again and again.
    const goOn = async (): Promise<boolean> => {
      await clock.advance(1000);
      return isAnswered;
    };
    await expect.poll(goOn, PATIENCE).toBe(true);
    const answer = await early;
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(headerValues(answer, 'retry-after')).toEqual(['2']);
    expect(bodyOf(answer)).toEqual({
      code: 'DOCKER::SANDBOX_NOT_READY',
      message: `Sandbox ${id} cannot be reached yet: it is Pending. Ask again in a moment.`,
    });
  });

  it('is paused gets 409, and is served again when it was resumed', async () => {
    await world[Symbol.asyncDispose]();
    world = await openProxyWorld();
    await post(`${world.id}/pause`);
    await expect
      .poll(() => world.test.lifecycle.get(sandboxId(world.id)).status.state, PATIENCE)
      .toBe('Paused');
    const answer = await world.ask(get(world.id));
    expect(answer).toMatch(/^HTTP\/1\.1 409 /);
    expect(bodyOf(answer)).toEqual({
      code: 'DOCKER::SANDBOX_NOT_RUNNING',
      message: `Sandbox ${world.id} is paused. Resume it, then ask again.`,
    });
    expect(world.backend.connections).toEqual([]);
    await post(`${world.id}/resume`);
    await expect
      .poll(() => world.test.lifecycle.get(sandboxId(world.id)).status.state, PATIENCE)
      .toBe('Running');
    expect(await world.ask(get(world.id))).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('ended, failed or was removed gets 410', async () => {
    const { driver, running, app } = world.test;
    const ended = await running();
    driver.engine.kill(sandboxId(ended), 3);
    const failed = await running({ env: { FAKE_FAIL: 'image.pull_failed' } });
    const removed = await running();
    await app.inject({ method: 'DELETE', url: `/v1/sandboxes/${removed}`, headers: AUTH });
    const why = {
      [ended]: 'It is Failed (CONTAINER_EXITED_ERROR).',
      [failed]: 'It is Failed (PROVISIONING_ERROR).',
      [removed]: 'It was removed.',
    };
    for (const [id, text] of Object.entries(why)) {
      const answer = await world.ask(get(id));
      expect(answer).toMatch(/^HTTP\/1\.1 410 /);
      expect(bodyOf(answer)).toEqual({
        code: 'DOCKER::SANDBOX_GONE',
        message: `Sandbox ${id} is gone. ${text}`,
      });
    }
    expect((await app.inject({ url: `/v1/sandboxes/${removed}`, headers: AUTH })).statusCode).toBe(404);
  });

  it('runs is passed on without asking the engine anything', async () => {
    await world[Symbol.asyncDispose]();
    world = await openProxyWorld();
    const { engine } = world.test.driver;
    let asked = 0;
    const read = engine.read.bind(engine);
    engine.read = (id) => ((asked += 1), read(id));
    const snapshot = engine.snapshot.bind(engine);
    engine.snapshot = () => ((asked += 1), snapshot());
    for (let count = 0; count < 20; count += 1) {
      expect(await world.ask(get(world.id))).toMatch(/^HTTP\/1\.1 200 /);
    }
    expect(asked).toBe(0);
  });

  it('was replaced at the same address never reaches its successor', async () => {
    await world[Symbol.asyncDispose]();
    world = await openProxyWorld(); // every sandbox of it has the same ports
    const successor = await world.test.running();
    expect(await world.ask(get(world.id))).toMatch(/^HTTP\/1\.1 200 /);
    await world.test.app.inject({ method: 'DELETE', url: `/v1/sandboxes/${world.id}`, headers: AUTH });
    const seen = world.backend.connections.length;
    expect(await world.ask(get(world.id))).toMatch(/^HTTP\/1\.1 410 /);
    expect(world.backend.connections).toHaveLength(seen);
    expect(await world.ask(get(successor))).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('a proxied request to a service that', () => {
  beforeEach(async () => {
    await world[Symbol.asyncDispose]();
    world = await openProxyWorld();
  });

  it('is not there gets 502 without any address', async () => {
    const { port } = world.backend;
    await world.backend[Symbol.asyncDispose]();
    await world.agent[Symbol.asyncDispose]();
    const answer = await world.ask(get(world.id), 'OPENSANDBOX-EGRESS-AUTH: secret-token');
    expect(answer).toMatch(/^HTTP\/1\.1 502 /);
    expect(bodyOf(answer)).toEqual({
      code: 'GENERAL::UNKNOWN_ERROR',
      message: `Could not connect to the backend sandbox: nothing listens on port 8080 of sandbox ${world.id}.`,
    });
    for (const secret of ['127.0.0.1', String(port), 'secret-token']) {
      expect(answer).not.toContain(secret);
    }
  });

  it.each([
    ['hangs up', ''],
    ['talks nonsense', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['has an impossible status', 'HTTP/1.1 99 Odd\r\nContent-Length: 0\r\n\r\n'],
    ['upgrades unasked', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'],
  ])('%s gets 502', async (_what, bytes) => {
    world.backend.script = ({ socket }) => socket.end(bytes);
    world.agent.script = world.backend.script;
    const answer = await world.ask(`POST /route/${world.id}/8080/ HTTP/1.1`, 'Content-Length: 0');
    expect(answer).toMatch(/^HTTP\/1\.1 502 /);
    expect(bodyOf(answer)).toMatchObject({
      code: 'GENERAL::UNKNOWN_ERROR',
      message: expect.stringMatching(/^An internal error occurred in the proxy: /) as string,
    });
  });

  it.each([
    ['a POST', 'POST', ['Upgrade: WebSocket', 'Connection: Upgrade']],
    ['half a handshake', 'GET', ['Upgrade: websocket']],
  ])('is asked for a WebSocket by %s gets 400', async (_what, method, lines) => {
    using connection = await world.connect();
    connection.send(`${method} ${world.target('/')} HTTP/1.1`, 'Host: x', ...lines);
    await connection.received(/"message":"Websocket upgrade is not supported yet"\}/);
    expect(connection.text).toMatch(/^HTTP\/1\.1 400 /);
    expect(world.backend.connections).toEqual([]);
  });
});

describe('the endpoint of a sandbox', () => {
  it('leads through this server when the client asks for that', async () => {
    const { app, running } = world.test;
    const id = await running();
    const url = `/v1/sandboxes/${id}/endpoints/3000?use_server_proxy=true`;
    const answer = await app.inject({ url, headers: { ...AUTH, host: 'my.host:1' } });
    expect(answer.json()).toEqual({ endpoint: `my.host:1/sandboxes/${id}/proxy/3000` });
    const refused = await app.inject({ url: `${url}&expires=99`, headers: AUTH });
    expect(refused.statusCode).toBe(400);
    expect(refused.json()).toMatchObject({
      code: 'SANDBOX::INVALID_PARAMETER',
      message: expect.stringMatching(/^use_server_proxy cannot be combined with expires/) as string,
    });
  });
});

describe('the proxy with a policy', () => {
  it('asks for the key everywhere and keeps it to itself', async () => {
    await world[Symbol.asyncDispose]();
    const proxy = { requireApiKey: true, deniedPorts: new Set([3000]), hostPorts: new Set<number>() };
    world = await openProxyWorld({ options: { proxy } });
    expect(await world.ask(get(world.id))).toMatch(/^HTTP\/1\.1 401 [^]*MISSING_API_KEY/);
    expect(await world.ask(get(world.id), 'OPEN-SANDBOX-API-KEY: no')).toMatch(
      /^HTTP\/1\.1 401 [^]*INVALID_API_KEY/,
    );
    const upgrade = [
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ];
    using handshake = await world.connect();
    handshake.send(get(world.id), 'Host: x', 'Connection: Upgrade', ...upgrade);
    await handshake.received(/^HTTP\/1\.1 401 [^]*MISSING_API_KEY/);
    expect(world.backend.connections).toEqual([]);
    expect(await world.ask(get(world.id), `OPEN-SANDBOX-API-KEY: ${KEY}`)).toMatch(/^HTTP\/1\.1 200 /);
    expect(world.backend.names).not.toContain('open-sandbox-api-key');
    const denied = `GET /route/${world.id}/3000/ HTTP/1.1`;
    expect(await world.ask(denied, `OPEN-SANDBOX-API-KEY: ${KEY}`)).toMatch(
      /^HTTP\/1\.1 403 [^]*GENERAL::FORBIDDEN/,
    );
  });
});

describe('the published port', () => {
  const OWN = (why: string): string =>
    `HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nOpenSandbox-Execd-Proxy: ${why}\r\nContent-Length: 11\r\n\r\nBad Gateway`;

  beforeEach(async () => {
    await world[Symbol.asyncDispose]();
    world = await openProxyWorld();
  });

  it.each([
    ['GET', []],
    ['POST', ['Content-Length: 4']],
    ['DELETE', []],
  ])('is reached through the agent when the service is on loopback only: %s', async (method, lines) => {
    world.backend.isForwarderToNobody = true;
    for (let count = 1; count <= 2; count += 1) {
      using connection = await world.connect();
      connection.send(`${method} ${world.target('/x?y')} HTTP/1.1`, 'Host: x', ...lines);
      if (lines.length > 0) connection.socket.write('body');
      await connection.received(/^HTTP\/1\.1 200 [^]*ok$/);
      expect(world.agent.requestLine).toBe(`${method} /proxy/8080/x?y HTTP/1.1`);
      if (lines.length > 0) await world.agent.received(new RegExp(`(body[^]*){${count}}`));
    }
  });

  it('is closed when the agent says so', async () => {
    world.backend.isForwarderToNobody = true;
    world.agent.script = ({ socket }) => socket.end(OWN('refused'));
    expect(bodyOf(await world.ask(get(world.id)))).toEqual({
      code: 'GENERAL::UNKNOWN_ERROR',
      message: `Could not connect to the backend sandbox: nothing listens on port 8080 of sandbox ${world.id}.`,
    });
  });

  it('is not asked twice what a service took and did not answer', async () => {
    world.backend.script = ({ socket }) => socket.destroy();
    const answer = await world.ask(`POST ${world.target('/')} HTTP/1.1`, 'Content-Length: 0');
    expect(answer).toMatch(/^HTTP\/1\.1 502 /);
    expect(world.agent.connections).toEqual([]);
    expect(world.backend.text.match(/POST/g)).toHaveLength(1);
  });

  it('is reached the usual way again when the service moved', async () => {
    world.backend.isForwarderToNobody = true;
    expect(await world.ask(get(world.id))).toMatch(/^HTTP\/1\.1 200 /);
    expect(world.agent.connections).toHaveLength(1);
    world.backend.isForwarderToNobody = false;
    world.agent.script = ({ socket }) => socket.end(OWN('refused'));
    expect(await world.ask(get(world.id))).toMatch(/^HTTP\/1\.1 200 [^]*ok$/);
    expect(world.backend.connections).toHaveLength(1);
  });

  it('answers what the service says, whatever it says in the name of the agent', async () => {
    world.backend.script = ({ socket }) => socket.end(OWN('refused'));
    const answer = await world.ask(get(world.id));
    expect(answer).toMatch(/^HTTP\/1\.1 502 [^]*\r\n\r\nBad Gateway$/);
    expect(world.agent.connections).toEqual([]);
  });
});
