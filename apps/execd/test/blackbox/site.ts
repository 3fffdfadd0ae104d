import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually, post } from '../support/event-lines.ts';
import { docker, startSandbox } from '../support/sandbox-container.ts';
import type { SandboxContainer } from '../support/sandbox-container.ts';
import type { Kind } from './kinds.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const TSX = join(HERE, '..', '..', '..', '..', 'node_modules', '.bin', 'tsx');
const AGENT_PORT = 44772;

/** How requests reach the agent: straight, or through its own port proxy as behind a bridge network. */
export type Way = 'straight' | 'through its own proxy';
export const WAYS: readonly Way[] = ['straight', 'through its own proxy'];

export interface AgentOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** One agent in a sandbox, reached in one way. */
export interface Site {
  readonly kind: Kind;
  /** Where the routes are. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Makes a directory in the sandbox that nobody else has. */
  directory(): Promise<string>;
  /** Starts another agent in the same sandbox, told other things; it ends with the sandbox. */
  agent(options: AgentOptions): Promise<Site>;
  /** Runs a program in the sandbox from outside, without the agent. */
  exec(command: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  freePort(): number;
}

export interface Ended {
  readonly status: number;
  /** Standard output and standard error together. */
  readonly output: string;
}

/** A sandbox of a kind, with a program beside it that listens on its loopback. */
export interface Box extends AsyncDisposable {
  site(way: Way): Site;
}

export async function openBox(kind: Kind): Promise<Box> {
  const { image, flags } = kind;
  const container = await startSandbox({ image, flags, command: ['sh', '-c', 'sleep 3600'] });
  let neighbour: ChildProcess | undefined;
  const close = async (): Promise<void> => {
    neighbour?.kill();
    await container[Symbol.asyncDispose]();
  };
  try {
    const host = new URL(await container.url()).hostname;
    neighbour = await startNeighbour(container.id);
    let lastPort = 45_000;
    const shared = { kind, host, container, freePort: () => ++lastPort };
    return { site: (way) => siteOf(shared, way, AGENT_PORT), [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Runs on this machine, in the network of the sandbox: so it needs nothing of the image. */
async function startNeighbour(id: string): Promise<ChildProcess> {
  const pid = (await docker(['inspect', '--format={{.State.Pid}}', id])).stdout.trim();
  const command = [`--net=/proc/${pid}/ns/net`, process.execPath, TSX, join(HERE, 'neighbour.ts')];
  const child = spawn('nsenter', command, { stdio: ['ignore', 'pipe', 'inherit'] });
  const failed = once(child, 'exit').then(() => Promise.reject(new Error('the neighbour has ended')));
  failed.catch(() => undefined); // it ends with the box
  await Promise.race([once(child.stdout, 'data'), failed]);
  return child;
}

interface Shared {
  readonly kind: Kind;
  readonly host: string;
  readonly container: SandboxContainer;
  readonly freePort: () => number;
}

function siteOf(shared: Shared, way: Way, port: number): Site {
  const { kind, host, container, freePort } = shared;
  const url = `http://${host}:${port}${way === 'straight' ? '' : `/proxy/${port}`}`;
  return {
    kind,
    url,
    host,
    port,
    freePort,
    async directory() {
      const path = `/tmp/row-${randomUUID()}`;
      const made = await post(url, '/directories', { [path]: { mode: 755 } });
      if (made.status !== 200) throw new Error(await made.text());
      return path;
    },
    async agent({ args = [], env = {} }) {
      const own = freePort();
      const program = ['/opt/opensandbox/execd', `--port=${own}`, ...args];
      await docker(['exec', '--detach', ...variables(env), container.id, ...program]);
      const started = siteOf(shared, way, own);
      await eventually(async () => {
        return fetch(`${started.url}/ping`).then(
          () => true,
          () => undefined,
        );
      });
      return started;
    },
    exec: (command, env = {}) => ended(['exec', ...variables(env), container.id, ...command]),
  };
}

function variables(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([name, value]) => `--env=${name}=${value}`);
}

function ended(args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile('docker', args, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}
