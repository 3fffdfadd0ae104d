import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';

const PATIENCE_MS = 30_000;

export interface RedisOptions {
  readonly password?: string;
  /** TLS only, with a certificate that nobody vouches for. */
  readonly isTls?: boolean;
  /** Begin without a running server. */
  readonly isDown?: boolean;
}

/** A real Redis of the test's own, on a port of loopback and on a socket, that keeps nothing. */
export interface TestRedis extends AsyncDisposable {
  readonly dsn: string;
  readonly socketDsn: string;
  /** For what the test itself asks; the server must be up. */
  readonly client: Redis;
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stand, nothing answers. */
  freeze(): void;
  thaw(): void;
}

export async function openTestRedis(options: RedisOptions = {}): Promise<TestRedis> {
  const directory = mkdtempSync(join(tmpdir(), 'opensandbox-redis-'));
  const socket = join(directory, 's');
  const port = await freePort();
  const password = options.password ?? '';
  const user = password === '' ? '' : `:${encodeURIComponent(password)}@`;
  const client = new Redis({
    host: '127.0.0.1',
    port,
    ...(password === '' ? {} : { password }),
    ...(options.isTls === true ? { tls: { rejectUnauthorized: false } } : {}),
    lazyConnect: true,
    retryStrategy: () => 100,
    maxRetriesPerRequest: null,
    enableReadyCheck: false,
  });
  client.on('error', () => undefined); // it is killed on purpose
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const ports = options.isTls === true ? tlsPort(directory, port) : ['--port', String(port)];
    const settings = ['--bind', '127.0.0.1', ...ports, '--unixsocket', socket];
    const secret = password === '' ? [] : ['--requirepass', password];
    const still = ['--save', '', '--appendonly', 'no', '--dir', directory, '--daemonize', 'no'];
    child = spawn('redis-server', [...settings, ...secret, ...still], { stdio: 'ignore' });
    await reachable(port, child);
  }

  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  if (options.isDown !== true) await start();
  return {
    dsn: `${options.isTls === true ? 'rediss' : 'redis'}://${user}127.0.0.1:${port}`,
    socketDsn: `unix://${user}${socket}`,
    client,
    start,
    kill,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      client.disconnect();
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function tlsPort(directory: string, port: number): readonly string[] {
  const [certificate, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=127.0.0.1'];
  execFileSync('openssl', [...request, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-auth-clients', 'no'];
  return ['--port', '0', '--tls-port', String(port), ...files];
}

async function reachable(port: number, child: ChildProcess): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (Date.now() < end) {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
    const socket = createConnection({ host: '127.0.0.1', port });
    const isThere = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isThere) return;
    await pause(50);
  }
  throw new Error('redis-server does not listen');
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** One element as a gateway writes it. */
export function intentOf(sandboxId: string, observedAt = Date.now()): string {
  return JSON.stringify({ sandbox_id: sandboxId, observed_at: new Date(observedAt).toISOString() });
}
