import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, type ServerProcess } from './server-process.ts';
import { until } from './wait.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const PROGRAM = join(root, 'apps/ingress/bin/opensandbox-ingress.js');
const KEY_ID = 'a';

export type GatewayMode = 'uri' | 'wildcard' | 'header';

/** What a signed route is for. */
export interface SignedRoute {
  readonly mode: GatewayMode;
  readonly sandboxId: string;
  readonly port: number;
  /** As `sign` takes it: `90s`, `15m`. */
  readonly ttl: string;
}

/** A real gateway process, in front of the sandboxes of a server. */
export interface GatewayProcess {
  readonly address: string;
  readonly output: () => string;
  /** What `opensandbox-ingress sign` prints for it. */
  sign(route: SignedRoute): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface GatewayOptions {
  readonly mode: GatewayMode;
  /** Keys, and credentials asked for at every sandbox. */
  readonly isSigned?: boolean;
  readonly flags?: readonly string[];
}

export async function openGateway(server: ServerProcess, options: GatewayOptions): Promise<GatewayProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'opensandbox-gateway-'));
  const [apiKeyFile, keyFile] = ['api-key', 'keys'].map((name) => join(directory, name)) as [string, string];
  await writeFile(apiKeyFile, server.apiKey, { mode: 0o600 });
  await writeFile(keyFile, `${KEY_ID}=${randomBytes(32).toString('base64')}`, { mode: 0o600 });
  await chmod(directory, 0o700);
  const signing = ['--secure-access-keys-file', keyFile, '--require-access', 'all'];
  const flags = [
    ...['--host', '127.0.0.1', '--mode', options.mode],
    ...['--provider-type', 'server', '--server-url', `http://${server.domain}`],
    ...['--server-api-key-file', apiKeyFile],
    ...(options.isSigned === true ? signing : []),
    ...(options.flags ?? []),
  ];
  const clear = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const { address, child, output } = await start(flags);
    return {
      address,
      output,
      sign: (route) => sign(route, keyFile, address),
      async [Symbol.asyncDispose]() {
        await end(child);
        await clear();
      },
    };
  } catch (error) {
    await clear();
    throw error;
  }
}

interface Started {
  readonly address: string;
  readonly child: ChildProcess;
  readonly output: () => string;
}

async function start(flags: readonly string[], attempts = 3): Promise<Started> {
  const port = await freePort();
  const child = spawn(process.execPath, [PROGRAM, ...flags, '--port', String(port)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const collect = (chunk: Buffer): void => void (output += chunk.toString());
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const address = `127.0.0.1:${port}`;
  const isUp = (): Promise<boolean> =>
    fetch(`http://${address}/status.ok`).then(
      ({ ok }) => ok,
      () => false,
    );
  try {
    await until('the gateway', 60_000, async () => {
      if (child.exitCode !== null) throw new Error(`the gateway ended:\n${output}`);
      return isUp();
    });
    return { address, child, output: () => output };
  } catch (error) {
    await end(child);
    // Somebody else may have taken the port that was free a moment ago.
    if (attempts > 1 && output.includes('it is in use')) return start(flags, attempts - 1);
    throw error;
  }
}

async function sign(
  { mode, sandboxId, port, ttl }: SignedRoute,
  keyFile: string,
  address: string,
): Promise<string> {
  const host = mode === 'wildcard' ? address.replace(/^[^:]*/, 'localhost') : address;
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[PROGRAM, 'sign', '--key-id', KEY_ID, '--key-file', keyFile],
    ...['--sandbox', sandboxId, '--port', String(port), '--ttl', ttl],
    ...['--mode', mode, '--address', `http://${host}`],
  ]);
  return stdout.trim();
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
