import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type TestRedis, intentOf, openTestRedis } from '../packages/renew-intents/test/support/redis.ts';
import { removeAll } from './support/docker.ts';
import { type ServerProcess, openServer } from './support/server-process.ts';
import { until } from './support/wait.ts';

const KEY = 'opensandbox:renew:intent';
const OPTED_IN = { 'access.renew.extend.seconds': '1800' };
const PATIENCE_MS = 30_000;
const SOON = { timeout: 20_000 };

const FAKE = { image: { uri: 'fake' }, entrypoint: ['sleep', '600'], resourceLimits: {}, timeout: 300 };

let server: ServerProcess;
let redis: TestRedis | undefined;

beforeEach(() => {
  redis = undefined;
});

afterEach(async () => {
  await server.stop();
  await removeAll(server.instance);
  await server[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
});

interface Wish {
  readonly runtime?: string;
  readonly intervalSeconds?: number;
  readonly dsn?: string;
}

async function serve({ runtime = 'type = "fake"', intervalSeconds = 1, dsn }: Wish = {}): Promise<void> {
  const queue = dsn === undefined ? '' : `redis.enabled = true\nredis.dsn = "${dsn}"\n`;
  const extra = `[renew_intent]\nenabled = true\nmin_interval_seconds = ${intervalSeconds}\n${queue}`;
  server = await openServer({ runtime, extra });
  await server.start();
}

async function create(change: object = {}): Promise<string> {
  const body = { ...FAKE, extensions: OPTED_IN, ...change };
  const made = await server.call('POST', '/v1/sandboxes', body, { Prefer: 'wait=60' });
  expect(made.status, made.text).toBe(202);
  expect(made.json.status.state).toBe('Running');
  return made.json.id;
}

async function expiry(id: string): Promise<number> {
  return Date.parse((await server.call('GET', `/v1/sandboxes/${id}`)).json.expiresAt);
}

/** Nothing listens there: what becomes of the request does not matter. */
async function visit(id: string): Promise<void> {
  const answer = await fetch(`http://${server.domain}/v1/sandboxes/${id}/proxy/8080/x`);
  await answer.arrayBuffer();
}

const renewals = (): number => server.output().split('sandbox.renewed_on_access').length - 1;

/** Until the deadline lies beyond `than`. */
const movedBeyond = (id: string, than: number): Promise<number> =>
  until(`${id} is prolonged`, PATIENCE_MS, async () => {
    const now = await expiry(id);
    return now > than && now;
  });

describe('a server without Redis', () => {
  it('prolongs on proxied requests, once in an interval, and still after a restart', async () => {
    await serve({ intervalSeconds: 3600 });
    const id = await create();
    const before = await expiry(id);
    await Promise.all([visit(id), visit(id), visit(id), visit(id)]);
    const renewed = await movedBeyond(id, before);
    expect(renewed).toBeGreaterThan(before + 1_000_000);
    await visit(id);
    await expect.poll(renewals, SOON).toBe(1);
    await server.kill();
    await server.start();
    expect(await expiry(id)).toBe(renewed);
  });

  it('prolongs again after the interval, and leaves alone what did not ask or cannot be prolonged', async () => {
    await serve({ intervalSeconds: 1 });
    const paused = await create();
    await server.call('POST', `/v1/sandboxes/${paused}/pause`);
    const others = [await create({ timeout: undefined }), await create({ extensions: {} })];
    const longer = await create({ timeout: 86_400 });
    const ids = [paused, ...others, longer];
    const before = await Promise.all(ids.map(expiry));
    for (const id of ids) await visit(id);
    await visit('nobody');

    const busy = await create();
    let last = await expiry(busy);
    for (let renewal = 0; renewal < 3; renewal += 1) {
      const than = last;
      last = await until('another renewal', PATIENCE_MS, async () => {
        await visit(busy);
        const now = await expiry(busy);
        return now > than && now;
      });
    }
    expect(await Promise.all(ids.map(expiry))).toEqual(before);
    await expect.poll(renewals, SOON).toBe(3);
  });
});

describe('a server with Redis', () => {
  it('prolongs what gateways report, once for many reports, and past elements that are no text', async () => {
    redis = await openTestRedis({ password: 'hunter2' });
    await serve({ dsn: redis.dsn, intervalSeconds: 3600 });
    const [first, second] = [
      await create(),
      await create({ extensions: { 'access.renew.extend.seconds': ' 900 ' } }),
    ];
    const [before, its] = [await expiry(first), await expiry(second)];
    for (let n = 0; n < 20; n += 1) await redis.client.lpush(KEY, Buffer.of(0xff, 0xfe));
    for (let n = 0; n < 5; n += 1) await redis.client.lpush(KEY, intentOf(first));
    await movedBeyond(first, before);
    await redis.client.lpush(KEY, intentOf(second));
    await movedBeyond(second, its);
    await expect.poll(renewals, SOON).toBe(2);
    expect(await redis.client.ttl(`opensandbox:renew:lock:${first}`)).toBeGreaterThan(0);
    expect(server.output()).not.toContain('hunter2');
    const metrics = async (): Promise<string> =>
      (await server.call('GET', '/metrics', undefined, { Authorization: `Bearer ${server.apiKey}` })).text;
    await expect.poll(metrics, SOON).toContain('opensandbox_renew_queue_connections 8\n');
    await expect.poll(metrics, SOON).toContain('opensandbox_renew_intents_total{outcome="malformed"} 20\n');
    expect(await metrics()).toMatch(/opensandbox_sandbox_renewals_total\{.*redis_queue.*renewed.*\} 2\n/);
  });

  it('starts and prolongs while Redis is away, and listens to it when it comes, and comes again', async () => {
    redis = await openTestRedis({ isDown: true });
    await serve({ dsn: redis.dsn });
    const direct = await create();
    const before = await expiry(direct);
    await visit(direct);
    await movedBeyond(direct, before);
    await redis.start();
    for (let life = 0; life < 2; life += 1) {
      const id = await create();
      const its = await expiry(id);
      await redis.client.lpush(KEY, intentOf(id));
      await movedBeyond(id, its);
      await redis.kill();
      await redis.start();
    }
  });
});

/** Sends something every 200 ms, as a stream of events or over a WebSocket, until the client leaves. */
const SERVICE = `
import base64, hashlib, socket, threading, time
def serve(c):
    head = b""
    while b"\\r\\n\\r\\n" not in head:
        got = c.recv(4096)
        if not got: return
        head += got
    fields = dict(l.split(b": ", 1) for l in head.split(b"\\r\\n")[1:] if b": " in l)
    key = {k.lower(): v for k, v in fields.items()}.get(b"sec-websocket-key")
    if key is None:
        c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\nConnection: close\\r\\n\\r\\n")
        part = b"data: x\\n\\n"
    else:
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        c.sendall(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: " + accept + b"\\r\\n\\r\\n")
        part = b"\\x81\\x01x"
    while True:
        c.sendall(part)
        time.sleep(0.2)
s = socket.create_server(("0.0.0.0", 8080))
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
`;

describe('a stream that stays open', () => {
  const openers = {
    'of events': (url: string): Promise<() => void> => openEvents(url),
    'over a WebSocket': (url: string): Promise<() => void> => openSocket(url),
  };

  it.each(Object.keys(openers) as (keyof typeof openers)[])(
    '%s keeps its sandbox alive, with no other request',
    async (kind) => {
      await serve({ runtime: 'type = "docker"' });
      const id = await create({
        image: { uri: 'opensandbox-demo:latest' },
        entrypoint: ['python3', '-c', SERVICE],
      });
      const url = `http://${server.domain}/v1/sandboxes/${id}/proxy/8080/`;
      const close = await until('the service listens', PATIENCE_MS, () =>
        openers[kind](url).catch(() => undefined),
      );
      try {
        let last = await expiry(id);
        for (let renewal = 0; renewal < 3; renewal += 1) last = await movedBeyond(id, last);
      } finally {
        close();
      }
    },
  );
});

async function openEvents(url: string): Promise<() => void> {
  const asking = request(url, { agent: false });
  asking.end();
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  response.on('error', () => undefined); // it is left in the middle
  response.resume();
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  return () => asking.destroy();
}

async function openSocket(url: string): Promise<() => void> {
  const socket = new WebSocket(url.replace('http:', 'ws:'));
  socket.on('error', () => undefined);
  await once(socket, 'message');
  return () => socket.terminate();
}
