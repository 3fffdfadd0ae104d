import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RuntimeDriver, SandboxSpec } from '@opensandbox/core/ports';
import type { Logger } from '@opensandbox/base';
import { openScope, silentLogger, systemClock } from '@opensandbox/base';
import type { DriverHarness } from '@opensandbox/testkit';
import { sampleSpec } from '@opensandbox/testkit';
import type { DockerDeps } from '../src/index.ts';
import { dockerConfig, openDockerDriver } from '../src/index.ts';

const run = promisify(execFile);
export const SOCKET = '/var/run/docker.sock';
export const HAS_ENGINE = existsSync(SOCKET);
/** Static busybox: a shell and nothing else. */
export const IMAGE = 'opensandbox-test/busybox:latest';

const STAND_IN_VERSION = 'docker-test-stand-in';
/** For a test that mounts the shipped agent. */
export const SHIPPED_VERSION = 'docker-test-shipped';

/** Everything a test makes carries its own instance name, so that tests never see each other's sandboxes. */
export interface DockerTest extends AsyncDisposable {
  readonly driver: RuntimeDriver;
  readonly instance: string;
  readonly docker: (...args: readonly string[]) => Promise<string>;
  readonly leftovers: () => Promise<readonly string[]>;
}

export interface DockerTestOptions {
  readonly section?: Readonly<Record<string, unknown>>;
  readonly socket?: string;
  /** Where the Docker CLI asks; the driver's own socket unless something stands before it. */
  readonly cliSocket?: string;
  readonly deps?: Partial<DockerDeps>;
  readonly log?: Logger;
}

export async function openDockerTest(options: DockerTestOptions = {}): Promise<DockerTest> {
  const socket = options.socket ?? SOCKET;
  const instance = `test-${randomUUID()}`;
  const log = options.log ?? silentLogger;
  const scope = openScope(log);
  const docker = dockerCli(options.cliSocket ?? socket);
  const driver = await openDockerDriver(
    dockerConfig.parse({ network_mode: 'bridge', instance, ...options.section }),
    {
      log,
      clock: systemClock(),
      env: { DOCKER_HOST: `unix://${socket}` },
      execd: { image: 'builtin', rootfsDir: await standInAgent(), version: STAND_IN_VERSION },
      publishAddress: '127.0.0.1',
      ...options.deps,
    },
    scope,
  );
  const label = `label=opensandbox.io/instance=${instance}`;
  const leftovers = async (): Promise<readonly string[]> =>
    lines(await docker('ps', '-aq', '--filter', label));
  return {
    driver,
    instance,
    docker,
    leftovers,
    async [Symbol.asyncDispose]() {
      await scope[Symbol.asyncDispose]();
      const left = await leftovers();
      if (left.length > 0) await docker('rm', '-fv', ...left);
      const listed = [STAND_IN_VERSION, SHIPPED_VERSION].map((version) =>
        docker('volume', 'ls', '-q', '--filter', `label=opensandbox.io/agent-version=${version}`),
      );
      const volumes = lines((await Promise.all(listed)).join('\n'));
      // Another test of this process may still use it; the last one removes it.
      if (volumes.length > 0) await docker('volume', 'rm', ...volumes).catch(() => undefined);
    },
  };
}

/** Less than a test may take: an engine that keeps a call waiting is told by the call's name. */
const CLI_MS = 50_000;

export function dockerCli(socket: string): (...args: readonly string[]) => Promise<string> {
  const options = { maxBuffer: 1 << 26, timeout: CLI_MS };
  return async (...args) => (await run('docker', ['-H', `unix://${socket}`, ...args], options)).stdout.trim();
}

export function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** An agent that does the least: runs the command as process 1. Always the same, so its volume is filled once. */
const STAND_IN_AGENT = join(import.meta.dirname, 'fixtures/stand-in-agent');

export function standInAgent(): Promise<string> {
  return Promise.resolve(STAND_IN_AGENT);
}

/** A fresh directory that is removed when the test ends. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'opensandbox-docker-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export function busyboxSpec(change: Partial<SandboxSpec> = {}): SandboxSpec {
  return sampleSpec({ source: { kind: 'image', uri: IMAGE, auth: undefined }, ...change });
}

/** The suite of every driver, over the engine of this machine. */
export async function openConformanceHarness(options: DockerTestOptions = {}): Promise<DriverHarness> {
  const test = await openDockerTest(options);
  const name = (id: string): string => `sandbox-${id}`;
  const act = async (...args: readonly string[]): Promise<void> => {
    await test.docker(...args);
  };
  return {
    driver: test.driver,
    makeSpec(wish) {
      switch (wish.does) {
        case 'stay':
          return busyboxSpec();
        case 'exit':
          return busyboxSpec({ entrypoint: ['sh', '-c', `exit ${wish.code}`] });
        case 'fail':
          return busyboxSpec({ source: { kind: 'image', uri: '127.0.0.1:1/none:none', auth: undefined } });
        case 'run-out-of-memory':
          return busyboxSpec({
            entrypoint: ['sh', '-c', 'exec dd if=/dev/zero of=/dev/null bs=512M count=1'],
            resources: { cpuMillis: undefined, memoryBytes: 16 << 20, gpus: undefined },
          });
      }
    },
    outsider: {
      kill: (id) => act('kill', name(id)),
      remove: (id) => act('rm', '-f', name(id)),
      pause: (id) => act('pause', name(id)),
      unpause: (id) => act('unpause', name(id)),
    },
    leftovers: test.leftovers,
    async close() {
      await test[Symbol.asyncDispose]();
    },
  };
}
