import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
/** This repository's own build. */
export const OWN_PROGRAM = join(root, 'apps/server/bin/opensandbox-server.js');

export interface ServerOptions {
  /** Extra lines of TOML per section; the harness owns host, port, key, store path and instance. */
  readonly server?: string;
  readonly runtime?: string;
  readonly docker?: string;
  readonly extra?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The program to run instead of this repository's own build. */
  readonly program?: string;
  /** A command to run the server through, that becomes the server by itself. */
  readonly through?: readonly string[];
}

/** A real server process with a home, a store and an engine instance name of its own. */
export interface ServerProcess {
  readonly domain: string;
  readonly apiKey: string;
  readonly instance: string;
  readonly home: string;
  readonly output: () => string;
  readonly pid: () => number;
  start(env?: Readonly<Record<string, string>>): Promise<void>;
  /** Changes the program that the next start runs, as an upgrade does. */
  runNext(program: string): void;
  /** Ends the process with SIGTERM and waits. */
  stop(): Promise<number | null>;
  /** Ends the process with SIGKILL and waits. */
  kill(): Promise<void>;
  exited(): boolean;
  /** A call to the API; `path` starts after the host. */
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<ApiAnswer>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Members of the bodies that the stories look at. */
export interface WireBody {
  readonly id: string;
  readonly status: { readonly state: string; readonly reason: string; readonly message: string };
  readonly metadata?: Readonly<Record<string, string>>;
  readonly expiresAt: string;
  readonly entrypoint: readonly string[];
  readonly items: readonly WireBody[];
  readonly code: string;
  readonly message: string;
  readonly endpoint: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as if it were whole: what is absent is `undefined`, and the assertions notice. */
  readonly json: WireBody;
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function configText(
  options: ServerOptions,
  fixed: { port: number; apiKey: string; store: string; instance: string },
): string {
  const runtime = options.runtime ?? 'type = "docker"';
  const docker = runtime.includes('docker')
    ? `[docker]\nnetwork_mode = "bridge"\ninstance = "${fixed.instance}"\n${options.docker ?? ''}`
    : '';
  return [
    `[server]\nhost = "127.0.0.1"\nport = ${fixed.port}\napi_key = "${fixed.apiKey}"\n${options.server ?? ''}`,
    `[runtime]\n${runtime}`,
    docker,
    `[store]\npath = "${fixed.store}"`,
    options.extra ?? '',
  ].join('\n\n');
}

export async function openServer(options: ServerOptions = {}): Promise<ServerProcess> {
  const home = mkdtempSync(join(tmpdir(), 'opensandbox-test-'));
  const port = await freePort();
  const apiKey = randomBytes(12).toString('hex');
  const instance = `test-${randomBytes(6).toString('hex')}`;
  const config = join(home, 'config.toml');
  writeFileSync(config, configText(options, { port, apiKey, store: join(home, 'store.db'), instance }));
  const domain = `127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  let output = '';
  let program = options.program ?? OWN_PROGRAM;
  /** Somebody asked for the end; otherwise an end is a crash. */
  let isEnded = false;

  async function waitHealthy(): Promise<void> {
    const latest = Date.now() + 90_000;
    while (Date.now() < latest) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the server ended:\n${output}`);
      const healthy = await fetch(`http://${domain}/health`, { signal: AbortSignal.timeout(2000) }).then(
        (answer) => answer.ok,
        () => false,
      );
      if (healthy) return;
      await pause(25);
    }
    throw new Error(`the server did not become healthy:\n${output}`);
  }

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    isEnded = true;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      return child?.exitCode ?? null;
    const gone = once(child, 'exit');
    child.kill(signal);
    const [code] = (await gone) as [number | null];
    return code;
  }

  return {
    domain,
    apiKey,
    instance,
    home,
    output: () => output,
    pid: () => child?.pid ?? -1,
    exited: () => child === undefined || child.exitCode !== null || child.signalCode !== null,
    async start(env = {}) {
      isEnded = false;
      const command = [...(options.through ?? []), process.execPath, program];
      child = spawn(command[0] ?? '', [...command.slice(1), '--config', config], {
        env: { ...process.env, HOME: home, ...options.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const collect = (chunk: Buffer): void => void (output += chunk.toString());
      child.stdout?.on('data', collect);
      child.stderr?.on('data', collect);
      await waitHealthy();
    },
    runNext: (next) => void (program = next),
    stop() {
      if (child !== undefined && child.exitCode !== null && !isEnded)
        throw new Error(`the server had ended by itself:\n${output}`);
      return end('SIGTERM');
    },
    async kill() {
      await end('SIGKILL');
    },
    async call(method, path, body, headers = {}) {
      const answer = await fetch(`http://${domain}${path}`, {
        method,
        headers: {
          'OPEN-SANDBOX-API-KEY': apiKey,
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return {
        status: answer.status,
        headers: answer.headers,
        text,
        json: parse(text),
      };
    },
    async [Symbol.asyncDispose]() {
      await end('SIGKILL');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function parse(text: string): WireBody {
  try {
    return JSON.parse(text) as WireBody;
  } catch {
    return {} as WireBody; // empty or not JSON: the test looks at `text`
  }
}
