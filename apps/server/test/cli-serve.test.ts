import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CliProcess, TestHome, freePort, runCli } from './support/cli-process.ts';

let home: TestHome;
let running: CliProcess[] = [];
beforeEach(() => {
  home = new TestHome();
  running = [];
});
afterEach(async () => {
  for (const cli of running) {
    cli.kill('SIGKILL');
    await cli.ended();
  }
  home[Symbol.dispose]();
});

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): CliProcess {
  const cli = new CliProcess(home, args, env);
  running.push(cli);
  return cli;
}

function fakeConfig(port: number, more = ''): string {
  return `[server]\nhost = "127.0.0.1"\nport = ${port}\napi_key = "hunter2-key"\n[runtime]\ntype = "fake"\n${more}`;
}

async function serveFake(more = '', env: Readonly<Record<string, string>> = {}) {
  const port = await freePort();
  const cli = start(['--config', home.write('s.toml', fakeConfig(port, more))], env);
  return { cli, port, url: `http://127.0.0.1:${port}` };
}

const KEY = { 'OPEN-SANDBOX-API-KEY': 'hunter2-key' };

describe('server process', () => {
  it('answers with the fake runtime and ends with 0 when interrupted', async () => {
    const { cli, url } = await serveFake();
    await cli.printed(/server\.listening/);
    const health = await fetch(`${url}/health`);
    expect([health.status, await health.json()]).toEqual([200, { status: 'healthy' }]);
    expect((await fetch(`${url}/v1/sandboxes`)).status).toBe(401);
    expect((await fetch(`${url}/v1/sandboxes`, { headers: KEY })).status).toBe(200);
    cli.kill('SIGINT');
    expect(await cli.ended()).toBe(0);
    expect(cli.stdout).toContain('server.stopped');
    expect(cli.stdout).not.toContain('\u001b');
    expect(cli.stdout + cli.stderr).not.toContain('hunter2');
  });

  it('ends with 143 when told to terminate, and keeps its records', async () => {
    const { cli, url, port } = await serveFake();
    await cli.printed(/server\.listening/);
    const body = { image: { uri: 'busybox' }, entrypoint: ['true'], resourceLimits: {}, timeout: 3600 };
    const created = await fetch(`${url}/v1/sandboxes`, {
      method: 'POST',
      headers: { ...KEY, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(created.status).toBe(202);
    cli.kill('SIGTERM');
    expect(await cli.ended()).toBe(143);
    expect(existsSync(home.path('.opensandbox/opensandbox.db'))).toBe(true);
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow();
  });

  it('stops at the second signal while a request is still open', async () => {
    const { cli, port } = await serveFake('', {});
    await cli.printed(/server\.listening/);
    const { connect } = await import('node:net');
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    // The headers of a request that never ends: a graceful stop waits for it.
    socket.on('error', () => undefined);
    socket.write(
      'POST /v1/sandboxes HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\nOPEN-SANDBOX-API-KEY: hunter2-key\r\n\r\n{',
    );
    cli.kill('SIGTERM');
    await cli.printed(/server\.stopping/);
    cli.kill('SIGINT');
    expect([0, 130, 143]).toContain(await cli.ended());
    socket.destroy();
  });

  it('takes the key from the environment over the file', async () => {
    const { cli, url } = await serveFake('', { OPENSANDBOX_SERVER_API_KEY: 'other' });
    await cli.printed(/server\.listening/);
    expect((await fetch(`${url}/v1/sandboxes`, { headers: KEY })).status).toBe(401);
    expect(
      (await fetch(`${url}/v1/sandboxes`, { headers: { 'OPEN-SANDBOX-API-KEY': 'other' } })).status,
    ).toBe(200);
  });

  it('names unknown keys in a warning and starts', async () => {
    const { cli } = await serveFake('[log]\nlevle = "DEBUG"\n');
    await cli.printed(/server\.listening/);
    expect(cli.stdout).toMatch(/WARNING: .*config\.unknown_key name=log\.levle note="did you mean level\?"/);
  });

  it('writes its logs to files when told so', async () => {
    const { cli, url } = await serveFake('[log]\nfile_enabled = true\n');
    await expect
      .poll(
        async () =>
          fetch(`${url}/health`).then(
            (r) => r.status,
            () => 0,
          ),
        { timeout: 20_000 },
      )
      .toBe(200);
    cli.kill('SIGINT');
    expect(await cli.ended()).toBe(0);
    expect(cli.stdout).toBe('');
    expect(readFileSync(home.path('logs/opensandbox/server.log'), 'utf8')).toContain('server.listening');
    expect(readFileSync(home.path('logs/opensandbox/access.log'), 'utf8')).toContain('/health');
  });

  it('starts again when the configuration changes under --reload', async () => {
    const first = await freePort();
    const second = await freePort();
    const path = home.write('s.toml', fakeConfig(first));
    const cli = start(['--config', path, '--reload']);
    await cli.printed(new RegExp(`server\\.listening.*:${first}`));
    writeFileSync(path, fakeConfig(second));
    await cli.printed(new RegExp(`server\\.listening.*:${second}`));
    cli.kill('SIGINT');
    expect(await cli.ended()).toBe(0);
    await expect(fetch(`http://127.0.0.1:${second}/health`)).rejects.toThrow();
  });
});

describe('server start', () => {
  it.each([
    [
      '[runtime]\ntype = "docker"\n[kubernetes]\n',
      /Kubernetes block must be omitted when runtime\.type = 'docker'\./,
    ],
    ['[runtime]\ntype = "fake"\n[log]\nlevel = "LOUD"\n', /log\.level: must be one of TRACE, DEBUG/],
    ['[runtime]\ntype = ', /not valid TOML: line 6/],
    ['[runtime]\ntype = "kubernetes"\n', /runtime\.type = 'kubernetes' is not available in this version/],
    [
      '[runtime]\ntype = "fake"\n[renew_intent]\nenabled = true\nredis.enabled = true\nredis.dsn = "hunter2"\n',
      /renew_intent\.redis\.dsn: \[renew_intent\] redis\.dsn must be redis:\/\//,
    ],
  ])('ends with 1 and the reason when the configuration is %j', async (text, reason) => {
    const path = home.write(
      's.toml',
      `[server]\nport = ${await freePort()}\nhost = "127.0.0.1"\napi_key = "hunter2-key"\n${text}`,
    );
    const result = await runCli(home, ['--config', path]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(reason);
    expect(result.stdout + result.stderr).not.toContain('hunter2');
    expect(result.stderr).not.toContain('    at ');
  });

  it('ends with 1 and says how to begin when there is no configuration', async () => {
    const result = await runCli(home, []);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(`${home.path('.sandbox.toml')} (no such file)`);
    expect(result.stderr).toContain('init-config --example docker');
  });

  it.each(['yes', '', 'true'])(
    'is blocked without a key when OPENSANDBOX_INSECURE_SERVER is %j',
    async (value) => {
      const path = home.write('s.toml', `[runtime]\ntype = "docker"\n`);
      const env = {
        SANDBOX_CONFIG_PATH: path,
        OPENSANDBOX_INSECURE_SERVER: value,
        DOCKER_HOST: 'unix:///nowhere.sock',
      };
      const result = await runCli(home, [], env);
      expect(result.code).toBe(1);
      // The engine is away, and nothing has noticed: the guard comes first.
      expect(result.stdout).toMatch(
        /ERROR: .*API key startup confirmation failed: Startup blocked: server\.api_key is empty in non-interactive mode\. Set OPENSANDBOX_INSECURE_SERVER=YES/,
      );
      expect(result.stdout).not.toContain('nowhere.sock');
      expect(existsSync(home.path('.opensandbox'))).toBe(false);
    },
  );

  it('goes on without a key when the risk is acknowledged', async () => {
    const port = await freePort();
    const path = home.write(
      's.toml',
      `[server]\nhost = "127.0.0.1"\nport = ${port}\n[runtime]\ntype = "fake"\n`,
    );
    const cli = start(['--config', path], { OPENSANDBOX_INSECURE_SERVER: 'YES' });
    await cli.printed(/server\.listening/);
    expect(cli.stdout).toMatch(/WARNING: .*OPENSANDBOX_INSECURE_SERVER/);
    expect((await fetch(`http://127.0.0.1:${port}/v1/sandboxes`)).status).toBe(200);
  });

  it('ends with 1 and says what to do when the engine is away', async () => {
    const path = home.write('s.toml', fakeConfig(await freePort()).replace('fake', 'docker'));
    const result = await runCli(home, ['--config', path], {
      DOCKER_HOST: `unix://${home.path('nowhere.sock')}`,
    });
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('nowhere.sock');
    expect(result.stderr).not.toContain('    at ');
  });

  it('ends with 3 when the port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const result = await runCli(home, ['--config', home.write('s.toml', fakeConfig(port))]);
    taken.close();
    expect(result.code).toBe(3);
    expect(result.stderr).toContain(`127.0.0.1:${port} is in use.`);
  });
});
