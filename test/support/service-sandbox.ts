import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConnectionConfig, Sandbox } from '@alibaba-group/opensandbox';
import { bundle } from './bundle.ts';
import { docker, removeAll } from './docker.ts';
import { type ServerProcess, openServer } from './server-process.ts';
import type { ServiceState } from './services/streams.ts';
import { until } from './wait.ts';

const IMAGE = 'opensandbox-demo:latest';
const NODE_INSIDE = '/opt/service/node';
const SERVICES_INSIDE = '/opt/service/programs';

/** A port of the sandbox, and where the service listens there. */
export interface ServicePort {
  readonly way: string;
  readonly port: number;
  readonly host: string;
}

/** Published by the engine, so the server dials it itself. */
export const DIRECT: ServicePort = { way: 'on the published port', port: 8080, host: '0.0.0.0' };
/** Reached through the agent, which dials the sandbox's own loopback. */
export const THROUGH_AGENT: ServicePort = {
  way: 'on loopback, through the agent',
  port: 3000,
  host: '127.0.0.1',
};

export interface ServiceSandboxOptions {
  /** Programs below `test/support/services` that can be started. */
  readonly programs?: readonly string[];
  /** For the server. */
  readonly env?: Readonly<Record<string, string>>;
  /** More lines of its configuration. */
  readonly extra?: string;
}

/** A real server with a sandbox in which services are started and killed. */
export interface ServiceSandbox {
  readonly server: ServerProcess;
  readonly id: string;
  readonly container: string;
  readonly sandbox: Sandbox;
  /** A path of a service, by way of the server's proxy. */
  url(port: ServicePort, path: string): string;
  /** Starts a program that listens where it is told, and waits until it answers at `/state`. */
  start(port: ServicePort, program?: string): Promise<ServiceState>;
  state(port: ServicePort): Promise<ServiceState>;
  /** Ends a service with SIGKILL. */
  kill(port: ServicePort): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openServiceSandbox(options: ServiceSandboxOptions = {}): Promise<ServiceSandbox> {
  const directory = await mkdtemp(join(tmpdir(), 'opensandbox-services-'));
  for (const name of options.programs ?? ['streams']) await bundle(name, directory);
  const allowed = `[storage]\nallowed_host_paths = ["${process.execPath}", "${directory}"]`;
  const server = await openServer({
    ...(options.env === undefined ? {} : { env: options.env }),
    extra: `${allowed}\n${options.extra ?? ''}`,
  });
  const close = async (): Promise<void> => {
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await server.start();
    const sandbox = await createSandbox(server, directory);
    return serviceSandbox({ server, sandbox, close });
  } catch (error) {
    await close();
    throw error;
  }
}

function createSandbox(server: ServerProcess, programs: string): Promise<Sandbox> {
  return Sandbox.create({
    connectionConfig: new ConnectionConfig({
      domain: server.domain,
      apiKey: server.apiKey,
      useServerProxy: true,
      requestTimeoutSeconds: 150,
    }),
    image: IMAGE,
    timeoutSeconds: 3600,
    readyTimeoutSeconds: 150,
    volumes: [
      { name: 'node', host: { path: process.execPath }, mountPath: NODE_INSIDE, readOnly: true },
      { name: 'programs', host: { path: programs }, mountPath: SERVICES_INSIDE, readOnly: true },
    ],
  });
}

interface Opened {
  readonly server: ServerProcess;
  readonly sandbox: Sandbox;
  readonly close: () => Promise<void>;
}

function serviceSandbox({ server, sandbox, close }: Opened): ServiceSandbox {
  const { id } = sandbox;
  const container = `sandbox-${id}`;
  const pids = new Map<number, number>();
  const url = ({ port }: ServicePort, path: string): string =>
    `http://${server.domain}/v1/sandboxes/${id}/proxy/${port}${path}`;

  async function state(port: ServicePort): Promise<ServiceState> {
    const answer = await fetch(url(port, '/state'));
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return (await answer.json()) as ServiceState;
  }

  return {
    server,
    id,
    container,
    sandbox,
    url,
    state,
    async start(port, program = 'streams') {
      const command = `${NODE_INSIDE} ${SERVICES_INSIDE}/${program}.mjs ${port.port} ${port.host}`;
      await sandbox.commands.run(command, { background: true });
      const started = await until(`${program} ${port.way}`, 60_000, () => state(port).catch(() => undefined));
      pids.set(port.port, started.pid);
      return started;
    },
    async kill({ port }) {
      const pid = pids.get(port);
      if (pid === undefined) throw new Error(`no service was started on port ${port}`);
      pids.delete(port);
      await docker('exec', container, 'kill', '-9', String(pid));
    },
    async [Symbol.asyncDispose]() {
      await sandbox.close();
      await close();
    },
  };
}
