import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import createClient from 'openapi-fetch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spawnAgent, startAgent } from './support/agent-process.ts';
import type { AgentProcess } from './support/agent-process.ts';
import { eventually, post, readEvents, runCommand } from './support/event-lines.ts';
import { rawHttp } from './support/raw-http.ts';

let agent: AgentProcess;
beforeAll(async () => {
  agent = await startAgent();
});
afterAll(() => agent[Symbol.asyncDispose]());

describe('the agent', () => {
  it.each(['', '/proxy/PORT', '/proxy/PORT/proxy/PORT'])('answers a ping at %s', async (prefix) => {
    const response = await fetch(`${agent.url}${prefix.replaceAll('PORT', String(agent.port))}/ping`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe('0');
    expect(await response.text()).toBe('');
  });

  it.each([
    ['GET', '/nope'],
    ['POST', '/ping'],
    ['GET', '/command'],
  ])('does not find %s %s', async (method, path) => {
    const response = await fetch(agent.url + path, { method });
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toContain('text/plain');
    expect(await response.text()).toBe('404 page not found');
  });

  it('does not know HEAD', async () => {
    expect((await fetch(`${agent.url}/ping`, { method: 'HEAD' })).status).toBe(404);
  });

  it('leads from a slash at the end to the route without it', async () => {
    const response = await fetch(`${agent.url}/ping/?x=1`, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([301, '/ping?x=1']);
    const posted = await fetch(`${agent.url}/command/`, { method: 'POST', redirect: 'manual', body: '{}' });
    expect(posted.status).toBe(307);
    expect((await fetch(`${agent.url}/nope/`, { redirect: 'manual' })).status).toBe(404);
  });

  it('answers a request without a Host header', async () => {
    const answer = await rawHttp(agent.port, 'GET /ping HTTP/1.0\r\n\r\n', (text) =>
      text.includes('\r\n\r\n'),
    );
    expect(answer).toMatch(/^HTTP\/1\.[01] 200/);
  });

  it('takes a query of 50 KB', async () => {
    const query = Array.from({ length: 500 }, (_, index) => `path=/no/such/${'x'.repeat(85)}${index}`).join(
      '&',
    );
    const response = await fetch(`${agent.url}/files?${query}`, { method: 'DELETE' });
    expect(response.status).toBe(200);
  });

  it('keeps a connection that was idle for twenty seconds', async () => {
    const socket = connect(agent.port, '127.0.0.1');
    const ping = 'GET /ping HTTP/1.1\r\nHost: x\r\n\r\n';
    socket.write(ping);
    await once(socket, 'data');
    await new Promise((resume) => setTimeout(resume, 20_000));
    socket.write(ping);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toContain('200 OK');
    socket.destroy();
  });

  it('gives void answers a generated client can read', async () => {
    const client = createClient<Record<string, never>>({ baseUrl: agent.url }) as unknown as Client;
    const { id } = await runCommand(agent.url, 'sleep 30', { background: true });
    const done = await client.DELETE('/command', { params: { query: { id } } });
    expect(done.error).toBeUndefined();
    const refused = await client.DELETE('/command', { params: { query: { id: 'nope' } } });
    expect(refused.error).toMatchObject({ code: 'RUNTIME_ERROR' });
  });
});

interface Client {
  DELETE(path: string, options: object): Promise<{ readonly error?: unknown }>;
}

describe('metrics', () => {
  it('take a second and lie within their ranges', async () => {
    const started = Date.now();
    const metrics = (await (await fetch(`${agent.url}/metrics`)).json()) as Record<string, number>;
    const {
      cpu_count = 0,
      cpu_used_pct = -1,
      mem_total_mib = 0,
      mem_used_mib = -1,
      timestamp = 0.5,
    } = metrics;
    expect(Date.now() - started).toBeGreaterThan(900);
    expect(cpu_count).toBeGreaterThan(0);
    expect(cpu_used_pct).toBeGreaterThanOrEqual(0);
    expect(cpu_used_pct).toBeLessThanOrEqual(100);
    expect(mem_used_mib).toBeGreaterThanOrEqual(0);
    expect(mem_used_mib).toBeLessThanOrEqual(mem_total_mib);
    expect(Number.isInteger(timestamp)).toBe(true);
  });

  it('are told every second to who watches, until he leaves', async () => {
    const controller = new AbortController();
    const response = await fetch(`${agent.url}/metrics/watch`, { signal: controller.signal });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    let text = '';
    for await (const bytes of response.body ?? []) {
      text += Buffer.from(bytes).toString();
      if (text.split('\n\n').length > 3) break;
    }
    controller.abort();
    const times = text
      .split('\n\n')
      .slice(0, 3)
      .map((line) => (JSON.parse(line) as { timestamp: number }).timestamp);
    expect((times[2] ?? 0) - (times[0] ?? 0)).toBeLessThan(15_000);
  });
});

describe('an access token', () => {
  const TOKEN = 'a-long-secret-token';
  const headers = { 'X-EXECD-ACCESS-TOKEN': TOKEN };

  it('is asked for everywhere', async () => {
    await using guarded = await startAgent({ env: { EXECD_ACCESS_TOKEN: TOKEN } });
    const refusals = [
      '/ping',
      '/nope',
      `/proxy/${guarded.port}/ping`,
      '/proxy/1/',
      '/v1/isolated/capabilities',
    ];
    for (const path of refusals) {
      const response = await fetch(guarded.url + path);
      expect(response.status).toBe(401);
      const body = (await response.json()) as Record<string, string>;
      expect(body['error']).toBe('Unauthorized: invalid or missing header X-EXECD-ACCESS-TOKEN');
      expect(body).toMatchObject({ code: 'UNAUTHORIZED' });
    }
    const wrong = { 'X-EXECD-ACCESS-TOKEN': `${TOKEN}x` };
    expect((await fetch(`${guarded.url}/ping`, { headers: wrong })).status).toBe(401);
    expect((await fetch(`${guarded.url}/ping`, { headers })).status).toBe(200);
    expect((await fetch(`${guarded.url}/proxy/${guarded.port}/ping`, { headers })).status).toBe(200);
  });

  it('is seen neither by commands nor in what the system shows of the agent', async () => {
    await using guarded = await startAgent({ env: { EXECD_ACCESS_TOKEN: TOKEN } });
    const command = `env; cat /proc/self/environ; tr '\\0' ' ' </proc/${guarded.pid}/environ`;
    const body = JSON.stringify({ command });
    const response = await fetch(`${guarded.url}/command`, { method: 'POST', headers, body });
    const { raw, stdout } = readEvents(await response.text());
    expect(stdout.join()).toContain('PATH=');
    expect(raw).not.toContain(TOKEN);
    expect(guarded.printed()).not.toContain(TOKEN);
  });

  it('given as a flag leaves the command line', async () => {
    await using guarded = await startAgent({ args: ['-access-token', TOKEN] });
    expect((await fetch(`${guarded.url}/ping`)).status).toBe(401);
    expect(readFileSync(`/proc/${guarded.pid}/cmdline`, 'latin1')).not.toContain(TOKEN);
  });
});

describe('the program', () => {
  async function ran(...args: string[]): Promise<{ code: number | null; printed: string }> {
    const child = spawnAgent({ args });
    let printed = '';
    child.stdout?.on('data', (bytes: Buffer) => (printed += bytes.toString()));
    child.stderr?.on('data', (bytes: Buffer) => (printed += bytes.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, printed };
  }

  it('prints its help and its version', async () => {
    const help = await ran('--help');
    expect([help.code, help.printed.includes('--access-token')]).toEqual([0, true]);
    const version = await ran('-version');
    expect([version.code, /^execd \d/.test(version.printed)]).toEqual([0, true]);
  });

  it('refuses what it does not understand', async () => {
    expect(await ran('--nope')).toMatchObject({ code: 2 });
    expect(await ran('--graceful-shutdown-timeout=soon')).toMatchObject({ code: 2 });
  });

  it('ends with code 1 when its port is taken', async () => {
    expect(await ran('--port', String(agent.port))).toMatchObject({ code: 1 });
  });

  it('logs to a file in a directory that it makes', async () => {
    const place = mkdtempSync(join(tmpdir(), 'agent-log-'));
    const path = join(place, 'logs', 'below', 'execd.log');
    const child = spawnAgent({ env: { EXECD_LOG_FILE: path } });
    const exited = once(child, 'exit');
    try {
      await eventually(async () =>
        existsSync(path) && readFileSync(path, 'utf8').includes('agent.listening') ? true : undefined,
      );
    } finally {
      child.kill('SIGTERM');
      await exited;
      rmSync(place, { recursive: true });
    }
  });

  it('stops in order on SIGTERM: commands are ended and told so', async () => {
    const ending = await startAgent({ env: { EXECD_API_GRACE_SHUTDOWN: '3s' } });
    const response = await post(ending.url, '/command', { command: 'echo $$; sleep 60' });
    const body = response.text();
    await new Promise((resume) => setTimeout(resume, 300));
    expect(await ending.stop()).toBe(0);
    const { last } = readEvents(await body);
    expect(last.error?.traceback).toEqual(['signal: terminated']);
    await eventually(async () =>
      fetch(`${ending.url}/ping`).then(
        () => undefined,
        () => true,
      ),
    );
  });
});
