import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openOwnEngine } from '../../drivers/docker/test/own-engine.ts';
import type { OwnEngineOptions } from '../../drivers/docker/test/own-engine.ts';
import { docker } from './docker.ts';
import { openNetworkNamespace } from './network-namespace.ts';
import { openServer } from './server-process.ts';
import type { ServerOptions, ServerProcess } from './server-process.ts';

/** A server before an engine that is the test's alone, both in a network namespace of their own. */
export interface OwnEngineServer extends AsyncDisposable {
  readonly server: ServerProcess;
  /** The Docker command line client on that engine. */
  readonly docker: (...args: readonly string[]) => Promise<string>;
  /** Environment of a server that uses the engine. */
  readonly env: Readonly<Record<string, string>>;
  /** Enters the namespace that sandbox ports are published in. */
  readonly through: readonly string[];
}

export async function openOwnEngineServer(
  engineOptions: Omit<OwnEngineOptions, 'through'>,
  serverOptions: Omit<ServerOptions, 'through'>,
): Promise<OwnEngineServer> {
  const closing: (() => PromiseLike<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const directory = await mkdtemp(join(tmpdir(), 'opensandbox-engine-'));
    closing.push(() => rm(directory, { recursive: true, force: true }));
    const namespace = await openNetworkNamespace();
    const { through } = namespace;
    closing.push(() => namespace[Symbol.asyncDispose]());
    const engine = await openOwnEngine(directory, { ...engineOptions, through });
    closing.push(() => engine[Symbol.asyncDispose]());
    const server = await openServer({ ...serverOptions, through });
    closing.push(() => server[Symbol.asyncDispose]());
    await namespace.expose(Number(server.domain.split(':')[1]), directory);
    const host = `unix://${engine.socket}`;
    return {
      server,
      env: { DOCKER_HOST: host },
      through,
      docker: (...args) => docker('-H', host, ...args),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
