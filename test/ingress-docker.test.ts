import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../apps/ingress/test/support/raw-client.ts';
import { removeAll } from './support/docker.ts';
import { type GatewayProcess, openGateway } from './support/gateway-process.ts';
import { type ServerProcess, openServer } from './support/server-process.ts';
import { until } from './support/wait.ts';

/** Echoes what it was asked, on the published port and on the sandbox's own loopback. */
const ECHO = `
import http.server, json, threading
class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        body = json.dumps({'path': self.path, 'headers': dict(self.headers.items())}).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
def serve(host, port): http.server.ThreadingHTTPServer((host, port), Echo).serve_forever()
threading.Thread(target=serve, args=('127.0.0.1', 3000), daemon=True).start()
serve('0.0.0.0', 8080)
`;

interface Echoed {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

describe('the gateway in front of Docker sandboxes', () => {
  let server: ServerProcess;
  let signed: GatewayProcess;
  let proxied: GatewayProcess;
  let id = '';

  beforeAll(async () => {
    server = await openServer();
    await server.start();
    const created = await server.call(
      'POST',
      '/v1/sandboxes',
      {
        image: { uri: 'opensandbox-demo:latest' },
        entrypoint: ['python3', '-c', ECHO],
        resourceLimits: { cpu: '500m', memory: '256Mi' },
        timeout: 3600,
      },
      { prefer: 'wait=60' },
    );
    id = created.json.id;
    const soon = ['--server-cache-seconds', '0', '--drain-seconds', '1'];
    signed = await openGateway(server, { mode: 'uri', isSigned: true, flags: soon });
    proxied = await openGateway(server, { mode: 'header', flags: [...soon, '--server-way', 'proxy'] });
  });

  afterAll(async () => {
    await signed[Symbol.asyncDispose]();
    await proxied[Symbol.asyncDispose]();
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
  });

  const route = (port: number, ttl = '1h') => signed.sign({ mode: 'uri', sandboxId: id, port, ttl });

  it.each([8080, 3000])(
    'opens port %i by a signed address, and keeps the credentials of the app',
    async (port) => {
      const url = `${await route(port)}/a%2Fb?q=%20`;
      const headers = { authorization: 'Bearer app', cookie: 'a=1' };
      const answer = await until(`port ${port}`, 60_000, async () => {
        const reply = await fetch(url, { headers });
        return reply.ok && reply;
      });
      const echoed = (await answer.json()) as Echoed;
      expect(echoed.path).toBe('/a%2Fb?q=%20');
      const names = Object.fromEntries(
        Object.entries(echoed.headers).map(([name, value]) => [name.toLowerCase(), value]),
      );
      expect(names).toMatchObject(headers);
      expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
    },
  );

  it('asks for a signature, of the right port and in time', async () => {
    const status = async (url: string) => (await fetch(url)).status;
    expect(await status(`http://${signed.address}/${id}/8080/`)).toBe(401);
    expect(await status((await route(8080)).replace('/8080/', '/3000/'))).toBe(401);
    const brief = await route(8080, '1s');
    await until('the route expires', 60_000, async () => (await status(brief)) === 401);
    expect(signed.output()).not.toContain(brief.split('/').at(-1));
  });

  it('keeps a target as it is on the way through the agent, and says when nobody is there', async () => {
    const { port, pathname } = new URL(await route(3000));
    const target = '/a//b/?x=|{}&y';
    const answer = await ask(Number(port), `GET ${pathname}${target} HTTP/1.1`, 'Host: gw');
    expect((JSON.parse(answer.body) as Echoed).path).toBe(target);
    const dead = await fetch(await route(3999));
    expect(dead.status).toBe(502);
    expect(await dead.text()).toMatch(/^OpenSandbox Ingress: .*nothing listens on port 3999/);
  });

  it('goes through the server where that is asked for', async () => {
    const headers = { 'OpenSandbox-Ingress-To': `${id}-3000` };
    const reply = await until('the way through the server', 60_000, async () => {
      const answer = await fetch(`http://${proxied.address}/app`, { headers });
      return answer.ok && answer;
    });
    expect(((await reply.json()) as Echoed).path).toBe('/app');
  });

  it('follows the sandbox when it is paused, resumed and deleted', async () => {
    const url = await route(8080);
    const becomes = (status: number) =>
      until(`status ${status}`, 60_000, async () => (await fetch(url)).status === status);
    await server.call('POST', `/v1/sandboxes/${id}/pause`);
    await becomes(503);
    await server.call('POST', `/v1/sandboxes/${id}/resume`);
    await becomes(200);
    await server.call('DELETE', `/v1/sandboxes/${id}`);
    await becomes(404);
  });
});
