import { writeFileSync } from 'node:fs';
import { createKeyRing, formatRoute, parseKeyList } from '@opensandbox/route-tokens';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Program, SERVER, TestFiles, freePort, runGateway } from './support/gateway-process.ts';
import { ask } from './support/raw-client.ts';
import { Service } from './support/service.ts';

const KEY_LIST = 'a=bXktdGVzdC1zZWNyZXQ=';
const OTHER_LIST = 'b=YW5vdGhlcg==';
/** Programs run from their sources, which takes its time on a busy machine. */
const PATIENCE_MS = 180_000;

let files: TestFiles;
beforeEach(() => {
  files = new TestFiles();
});
afterEach(() => files[Symbol.dispose]());

describe('opensandbox-ingress', { timeout: PATIENCE_MS }, () => {
  it('explains itself, and refuses what it does not know', async () => {
    const help = await runGateway('--help');
    expect(help.code).toBe(0);
    for (const flag of [
      '--port',
      '--mode',
      '--provider-type',
      '--secure-access-keys',
      '--renew-intent-min-interval',
    ]) {
      expect(help.output).toContain(flag);
    }
    const wrong = await runGateway('--provider-type', 'server');
    expect(wrong).toMatchObject({ code: 2, output: expect.stringContaining('--server-url') as string });
  });

  it('signs routes', async () => {
    const file = files.write('keys', KEY_LIST);
    const sign = (...more: string[]) =>
      runGateway(
        'sign',
        '--key-id',
        'a',
        '--key-file',
        file,
        '--sandbox',
        'sbx-001',
        '--port',
        '8080',
        ...more,
      );
    expect(await sign('--expires', '4102444800')).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^sbx-001-8080-1vuhmo0-[0-9a-f]{8}a\n$/) as string,
    });
    const bad = await sign();
    expect(bad).toMatchObject({ code: 2, output: expect.stringContaining('--expires or --ttl') as string });
  });
});

/** What a server answers about one sandbox whose ports are those of a service. */
function describeSandbox(service: Service, state: () => string): Service['answer'] {
  return (request, response) => {
    const [, id, port] = /^\/v1\/sandboxes\/([^/]+)(?:\/endpoints\/(\d+))?$/.exec(request.url ?? '') ?? [];
    const isKnown = id === 'box' && request.headers['open-sandbox-api-key'] === 'the-key';
    response.statusCode = isKnown ? 200 : 404;
    response.setHeader('content-type', 'application/json');
    if (!isKnown) response.end('{"code":"DOCKER::SANDBOX_NOT_FOUND","message":"no"}');
    else if (port === undefined) response.end(JSON.stringify({ id, status: { state: state() } }));
    else response.end(JSON.stringify({ endpoint: `127.0.0.1:${service.port}/proxy/${port}` }));
  };
}

describe('the gateway in front of a server', { timeout: PATIENCE_MS }, () => {
  it('finds sandboxes, reloads its keys, tells of its health, and ends gracefully', async () => {
    await using service = await Service.open();
    await using api = await Service.open();
    let state = 'Running';
    api.answer = describeSandbox(service, () => state);
    const keys = files.write('keys', `${KEY_LIST}\n`);
    const [port, adminPort] = [await freePort(), await freePort()];
    await using gateway = new Program(
      [
        ...['--host', '127.0.0.1', '--port', String(port), '--admin-port', String(adminPort)],
        ...['--provider-type', 'server', '--server-url', `http://127.0.0.1:${api.port}`],
        ...['--server-cache-seconds', '0', '--require-access', 'all', '--secure-access-keys-file', keys],
        ...['--mode', 'uri', '--log-level', 'debug'],
      ],
      { OPEN_SANDBOX_API_KEY: 'the-key' },
    );
    await gateway.printed(/gateway\.listening/);

    const signed = (keyId: string, list: string, path: string): string => {
      const claim = { sandboxId: 'box', port: 3000 };
      const proof = createKeyRing(parseKeyList(list)).sign(keyId, claim, { expires: 4_102_444_800n });
      return `${formatRoute({ mode: 'uri', address: '' }, claim, proof).endpoint}${path}`;
    };
    const get = (path: string) => ask(port, `GET ${path} HTTP/1.1`, 'Host: gw');

    const first = signed('a', KEY_LIST, '/app?q=1');
    expect(await get(first)).toMatchObject({ status: 200, body: 'ok' });
    expect(service.seen.at(-1)?.target).toBe('/proxy/3000/app?q=1');
    expect((await get('/box/3000/app')).status).toBe(401);
    expect((await get('/nobody/3000/app')).status).toBe(404);

    state = 'Paused';
    expect(await get(first)).toMatchObject({
      status: 503,
      body: expect.stringContaining('Paused') as string,
    });
    state = 'Running';

    writeFileSync(keys, `${OTHER_LIST}\n`);
    gateway.child.kill('SIGHUP');
    await gateway.printed(/keys\.reloaded/);
    await expect.poll(async () => (await get(first)).status, { timeout: 20_000 }).toBe(401);
    expect((await get(signed('b', OTHER_LIST, '/'))).status).toBe(200);

    const admin = (path: string) => ask(adminPort, `GET ${path} HTTP/1.1`, 'Host: admin');
    expect((await admin('/healthz')).status).toBe(200);
    expect((await admin('/readyz')).body).toContain('"status":"ready"');
    const metrics = async () => (await admin('/metrics')).body;
    await expect
      .poll(metrics, { timeout: 20_000 })
      .toContain('opensandbox_ingress_requests_total{kind="http",status="2xx"} 2');
    expect((await get('/metrics')).status).toBe(400);

    gateway.child.kill('SIGTERM');
    expect(await gateway.ended()).toBe(143);
    for (const secret of ['the-key', first.split('/')[4], 'YW5vdGhlcg'])
      expect(gateway.output).not.toContain(secret);
  });

  it('serves what it knows while the server is away, and says that it is', async () => {
    await using service = await Service.open();
    const api = await Service.open();
    api.answer = describeSandbox(service, () => 'Running');
    const [port, adminPort] = [await freePort(), await freePort()];
    await using gateway = new Program(
      [
        ...['--host', '127.0.0.1', '--port', String(port), '--admin-port', String(adminPort)],
        ...['--provider-type', 'server', '--server-url', `http://127.0.0.1:${api.port}/v1`],
        ...['--server-cache-seconds', '0', '--server-api-key-file', files.write('key', 'the-key\n')],
      ],
      {},
    );
    await gateway.printed(/gateway\.listening/);
    expect(gateway.output).toContain('--require-access all');
    const get = () => ask(port, 'GET / HTTP/1.1', 'Host: box-3000.example.com');
    expect((await get()).status).toBe(200);
    await api[Symbol.asyncDispose]();
    expect((await get()).status).toBe(200);
    const ready = await ask(adminPort, 'GET /readyz HTTP/1.1', 'Host: admin');
    expect(ready).toMatchObject({ status: 200, body: expect.stringContaining('"status":"stale"') as string });
    expect((await ask(port, 'GET / HTTP/1.1', 'Host: other-3000.x')).status).toBe(502);
  });

  it('follows the sandboxes of a real one', async () => {
    const [serverPort, port] = [await freePort(), await freePort()];
    const config = files.write(
      'server.toml',
      `[server]\nhost = "127.0.0.1"\nport = ${serverPort}\napi_key = "the-key"\n[runtime]\ntype = "fake"\n` +
        `[store]\npath = "${files.dir}/store.db"\n`,
    );
    await using server = new Program(['--config', config], {}, SERVER);
    await server.printed(/server\.listening/);
    await using gateway = new Program(
      [
        ...['--host', '127.0.0.1', '--port', String(port), '--provider-type', 'server'],
        ...['--server-url', `http://127.0.0.1:${serverPort}`, '--server-cache-seconds', '0'],
      ],
      { OPEN_SANDBOX_API_KEY: 'the-key' },
    );
    await gateway.printed(/gateway\.listening/);
    const call = (method: string, path: string, body?: unknown) =>
      fetch(`http://127.0.0.1:${serverPort}/v1/sandboxes${path}`, {
        method,
        headers: { 'OPEN-SANDBOX-API-KEY': 'the-key', 'content-type': 'application/json', prefer: 'wait=30' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const created = await call('POST', '', {
      image: { uri: 'python:3.11' },
      entrypoint: ['sleep', '9'],
      resourceLimits: {},
      timeout: 600,
    });
    const { id } = (await created.json()) as { id: string };
    const status = async () => (await ask(port, 'GET / HTTP/1.1', `Host: ${id}-8080.x`)).status;
    // The sandboxes of this runtime have made-up addresses; that they are dialled is enough.
    await expect.poll(async () => [400, 404, 503].includes(await status()), { timeout: 20_000 }).toBe(false);
    await call('POST', `/${id}/pause`);
    await expect.poll(status, { timeout: 20_000 }).toBe(503);
    await call('DELETE', `/${id}`);
    await expect.poll(status, { timeout: 20_000 }).toBe(404);
  });
});
