import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker, removeAll } from './support/docker.ts';
import { type ServerProcess, openServer } from './support/server-process.ts';
import { until } from './support/wait.ts';

/** A service that tells what it was asked, on an address and a port of the sandbox. */
const ECHO = `
import http.server, sys
class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        text = (self.requestline + "\\n" + "\\n".join(f"{k}: {v}" for k, v in self.headers.items()) + "\\n\\n").encode("latin1") + body
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.end_headers()
        if self.command != "HEAD": self.wfile.write(text)
    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Echo).serve_forever()
`;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

describe('a service in a sandbox', () => {
  let server: ServerProcess;
  let id: string;

  beforeAll(async () => {
    server = await openServer();
    await server.start();
    const made = await server.call(
      'POST',
      '/v1/sandboxes',
      {
        image: { uri: 'opensandbox-demo:latest' },
        entrypoint: ['sleep', '600'],
        resourceLimits: {},
        timeout: 600,
      },
      { Prefer: 'wait=60' },
    );
    expect(made.json.status.state, made.text).toBe('Running');
    ({ id } = made.json);
  });
  afterAll(async () => {
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
  });

  async function ask(method: string, port: number, rest: string, body?: string): Promise<Answer> {
    const [host = '', serverPort = ''] = server.domain.split(':');
    const headers = { 'X-Dup': ['1', '2'], ...(body === undefined ? {} : { 'content-length': body.length }) };
    const path = `/v1/sandboxes/${id}/proxy/${port}${rest}`;
    const request = httpRequest({ host, port: Number(serverPort), method, path, headers, agent: false });
    request.end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response.setEncoding('latin1')) text += String(chunk);
    return { status: response.statusCode ?? 0, headers: response.headers, text };
  }

  async function serve(host: string, port: number): Promise<void> {
    await docker('exec', '-d', `sandbox-${id}`, 'python3', '-c', ECHO, host, String(port));
    const probe = `import socket; socket.create_connection(("${host === '0.0.0.0' ? '127.0.0.1' : host}", ${port}))`;
    await until(`${host}:${port} listens`, 20_000, async () =>
      docker('exec', `sandbox-${id}`, 'python3', '-c', probe).then(
        () => true,
        () => undefined,
      ),
    );
  }

  async function end(port: number): Promise<void> {
    const program = `import os, signal
for pid in filter(str.isdigit, os.listdir("/proc")):
    words = open(f"/proc/{pid}/cmdline").read().split("\\0")
    if words[-2:] == ["${port}", ""] and words[0] == "python3": os.kill(int(pid), signal.SIGKILL)`;
    await docker('exec', `sandbox-${id}`, 'python3', '-c', program);
  }

  it('that does not listen is told from one that does', async () => {
    for (const port of [8080, 3000]) {
      for (const [method, body] of [['GET'], ['POST', 'x']] as const) {
        const answer = await ask(method, port, '/', body);
        expect(answer.status).toBe(502);
        expect(JSON.parse(answer.text)).toEqual({
          code: 'GENERAL::UNKNOWN_ERROR',
          message: `Could not connect to the backend sandbox: nothing listens on port ${port} of sandbox ${id}.`,
        });
      }
    }
  });

  it.each([
    ['0.0.0.0', 8080],
    ['127.0.0.1', 8080],
    ['127.0.0.1', 3002],
  ])('is reached on %s, port %i', async (host, port) => {
    await serve(host, port);
    const posted = await ask('POST', port, '/a%2Fb//c?x=%20', 'the body');
    expect(posted.status, posted.text).toBe(200);
    expect(posted.text).toMatch(/^POST \/a%2Fb\/\/c\?x=%20 HTTP\/1\.1\n/);
    expect(posted.text.endsWith('\n\nthe body')).toBe(true);
    expect(posted.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(posted.text).toMatch(/^X-Dup: 1\nX-Dup: 2$/m);
    expect((await ask('GET', port, '/search', 'a question')).text).toMatch(/^GET [^]*\n\na question$/);
    const got = await ask('GET', port, '/');
    expect(got.text).toMatch(/^GET \/ HTTP/);
    expect((await ask('HEAD', port, '/')).headers['content-length']).toBe(String(got.text.length + 1));
    await end(port);
    await until('it ended', 20_000, async () =>
      (await ask('GET', port, '/')).status === 502 ? true : undefined,
    );
  });

  it('that comes back on another address of the published port is found again', async () => {
    for (const host of ['0.0.0.0', '127.0.0.1', '0.0.0.0']) {
      await serve(host, 8080);
      expect((await ask('GET', 8080, '/')).status).toBe(200);
      expect((await ask('POST', 8080, '/', 'x')).status).toBe(200);
      await end(8080);
      await until('it ended', 20_000, async () =>
        (await ask('GET', 8080, '/')).status === 502 ? true : undefined,
      );
    }
  });

  it('that does not listen refuses WebSockets with 1011', async () => {
    for (const port of [8080, 3000]) {
      const socket = new WebSocket(`ws://${server.domain}/sandboxes/${id}/proxy/${port}/`);
      const [code] = (await once(socket, 'close')) as [number];
      expect(code).toBe(1011);
    }
  });

  it('of a paused, resumed and deleted sandbox is answered for as the sandbox is', async () => {
    await serve('0.0.0.0', 8080);
    await server.call('POST', `/v1/sandboxes/${id}/pause`);
    await until('it is paused', 20_000, async () =>
      (await ask('GET', 8080, '/')).status === 409 ? true : undefined,
    );
    await server.call('POST', `/v1/sandboxes/${id}/resume`);
    await until('it runs', 20_000, async () =>
      (await ask('GET', 8080, '/')).status === 200 ? true : undefined,
    );
    await server.call('DELETE', `/v1/sandboxes/${id}`);
    expect((await ask('GET', 8080, '/')).status).toBe(410);
  });
});
