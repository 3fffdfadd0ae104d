import { randomInt, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Fault, abortable, openScope } from '@opensandbox/base';
import type { Clock, Scope } from '@opensandbox/base';
import { openLifecycle, sandboxId } from '@opensandbox/core';
import type { AgentProbe, RuntimeDriver } from '@opensandbox/core/ports';
import {
  dockerConfig,
  farEngineHost,
  findMissingRuntime,
  openDockerDriver,
  openEngineLine,
  planReach,
  readReach,
} from '@opensandbox/driver-docker';
import type { DockerConfig } from '@opensandbox/driver-docker';
import { fakeConfig, openFakeDriver, openFakeProbe } from '@opensandbox/driver-fake';
import { openSqliteStores } from '@opensandbox/store';
import { createAgentProbe } from './agent-probe.ts';
import type { AppOptions } from './app-options.ts';
import { buildApp } from './app.ts';
import type { Environment } from './config/environment.ts';
import type { Config } from './config/load.ts';
import { secureRuntime } from './config/secure-runtime.ts';
import { unavailableFeature } from './config/unavailable.ts';
import { listen } from './listen.ts';
import type { Logs } from '@opensandbox/log';
import type { Place } from './doctor/place.ts';
import {
  isInContainer,
  isNeighbour,
  outboundAddress,
  ownNameAddress,
  sharesHostNetwork,
} from './network-probes.ts';
import { proxyPolicy } from './proxy/proxy-policy.ts';
import { publishAddress, resolvePublicHost } from './public-host.ts';
import { openRenewOnAccess } from './renew-on-access.ts';
import { findEngineHost, findSurroundings } from './surroundings.ts';
import type { Surroundings } from './surroundings.ts';
import { openServerTelemetry } from './telemetry/open-server-telemetry.ts';
import type { ServerTelemetry } from './telemetry/server-telemetry.ts';
import { explainFault } from './wire-codes.ts';

/** The sections of the configuration that drivers own. */
export const driverSections = { docker: dockerConfig };

/** How tools beside the server ask the engine. */
export { openEngineLine };
export type { EngineLine, LineRequest } from '@opensandbox/driver-docker';

/** What the doctor says of an engine without the runtime that is configured. */
export { findMissingRuntime };

export type ServerConfig = Config<DockerConfig>;

/** The agent that is shipped with this server. */
export interface BuiltinAgent {
  readonly rootfsDir: string;
  readonly version: string;
}

export interface ServerDeps {
  readonly clock: Clock;
  readonly logs: Logs;
  readonly homeDir: string;
  readonly agent: BuiltinAgent;
  /** Where telemetry is sent, by the variables of OpenTelemetry. */
  readonly env: Environment;
}

export interface RunningServer {
  /** Where it listens, as a client on this machine would write it. */
  readonly url: string;
  /** Stops accepting, lets running requests end, closes everything. Sandboxes keep running. */
  close(): Promise<void>;
}

const CLOSE_DEADLINE_MS = 10_000;
/** How long `GET …/endpoints/{port}` waits for a sandbox that is still being made. */
const RESOLVE_WAIT_MS = 180_000;
/** A slow image pull holds one of these; the driver bounds the calls to its engine by itself. */
const PROVISION_CONCURRENCY = 32;
const SWEEP_INTERVAL_MS = 30_000;

/** Refuses configurations that this version would run otherwise than asked for. */
export function checkAvailable(config: ServerConfig): void {
  const reason = unavailableFeature(config);
  if (reason !== undefined) throw new Fault('unsupported', 'config.unavailable', reason);
}

/** Opens everything in order and listens last: the first request finds every sandbox restored. */
export async function openServer(
  config: ServerConfig,
  deps: ServerDeps,
  signal: AbortSignal,
): Promise<RunningServer> {
  checkAvailable(config);
  const scope = openScope(deps.logs.server);
  try {
    return await abortable(open(config, deps, scope), signal);
  } catch (error) {
    await scope[Symbol.asyncDispose]();
    throw error;
  }
}

/** A number in [0, 1). */
function random(): number {
  return randomInt(2 ** 32) / 2 ** 32;
}

async function open(config: ServerConfig, deps: ServerDeps, scope: Scope): Promise<RunningServer> {
  const { clock, logs } = deps;
  const telemetry = await openTelemetry(config, deps, scope);
  const stores = await openSqliteStores({ path: config.store.path }, scope);
  const place = await surroundings(config, clock);
  const { driver, probe } = await openRuntime(config, { ...deps, ...place, telemetry }, scope);
  const renewals = openRenewOnAccess(
    config.renewIntent,
    { clock, log: logs.server, random, counted: (outcome, source) => telemetry?.renewed(outcome, source) },
    scope,
  );
  const lifecycle = await openLifecycle(
    {
      driver: telemetry?.driver(driver) ?? driver,
      store: telemetry?.store(stores.sandboxes) ?? stores.sandboxes,
      snapshotStore: stores.snapshots,
      probe: telemetry?.probe(probe) ?? probe,
      clock,
      log: logs.server,
      newId: () => sandboxId(randomUUID()),
      explain: (fault) => explainFault(fault, driver.name),
      random,
      renewOnAccess: renewals.options,
      options: {
        maxTimeoutSeconds: config.server.maxSandboxTimeoutSeconds,
        failureTtlMs: config.failureTtlSeconds * 1000,
        resolveWaitMs: RESOLVE_WAIT_MS,
        removeWaitMs: config.docker.apiTimeoutMs,
        provisionConcurrency: PROVISION_CONCURRENCY,
        sweepIntervalMs: SWEEP_INTERVAL_MS,
      },
    },
    scope,
  );
  const renewQueue = renewals.consume(lifecycle);
  if (renewQueue !== undefined) telemetry?.renewQueue(renewQueue);
  const app = buildApp({
    lifecycle: telemetry?.lifecycle(lifecycle) ?? lifecycle,
    telemetry: telemetry?.http,
    ways: place.ways,
    runtimeName: driver.name,
    options: await appOptions(config, place),
    clock,
    log: logs.server,
    newUuid: randomUUID,
  });
  scope.own({ [Symbol.asyncDispose]: () => app.close() });
  const { host, port, backlog } = config.server;
  const url = await listen(app, { host, port, backlog });
  return {
    url,
    async close() {
      await app.close();
      await scope[Symbol.asyncDispose]();
    },
  };
}

function openTelemetry(
  { runtime, metrics }: ServerConfig,
  { clock, logs, env, agent: { version } }: ServerDeps,
  scope: Scope,
): Promise<ServerTelemetry | undefined> {
  const about = { version, runtimeName: runtime.type, areMetricsServed: metrics.enabled };
  return openServerTelemetry({ clock, log: logs.server, env, ...about }, scope);
}

/** What the runtime is opened with beside its configuration. */
type RuntimeDeps = ServerDeps & Surroundings & { readonly telemetry: ServerTelemetry | undefined };

async function surroundings(config: ServerConfig, clock: Clock): Promise<Surroundings> {
  const { hostIp } = config.docker;
  const farHost =
    config.runtime.type === 'docker' ? await farEngineHost(config.dockerEnvironment, hostIp) : undefined;
  return findSurroundings({ hostIp, farHost }, clock);
}

/** Where the doctor finds this server, its engine and the sandboxes. */
export async function findPlace(config: ServerConfig, clock: Clock): Promise<Place> {
  const found = await surroundings(config, clock);
  const { hostIp, publishAddress: configured } = config.docker;
  const usual = publishAddress(config.server.host, undefined);
  const wish = { hostIp: found.engineHost ?? hostIp, configured, usual };
  const plan = await planReach(config.dockerEnvironment, wish);
  return {
    ...plan,
    isContained: isInContainer(),
    farHost: found.farHost,
    engineHost: found.farHost === undefined ? await findEngineHost(hostIp) : undefined,
    sharesHostNetwork: sharesHostNetwork(),
    publicHost: await findPublicHost(config, found),
    isPublicHostSet: config.server.eip !== undefined,
    isNeighbour,
    readReach: (inspect) => readReach(inspect as Parameters<typeof readReach>[0], {}, plan.dialHost),
  };
}

async function openRuntime(
  config: ServerConfig,
  deps: RuntimeDeps,
  scope: Scope,
): Promise<{ readonly driver: RuntimeDriver; readonly probe: AgentProbe }> {
  const { clock } = deps;
  const timeoutMs = config.runtime.execdReadyTimeoutSeconds * 1000;
  if (config.runtime.type === 'fake') {
    const driver = await openFakeDriver(fakeConfig(config.fake), { clock }, scope);
    return { driver, probe: openFakeProbe(driver.engine, { timeoutMs }) };
  }
  const driver = await openDocker(config, deps, scope);
  return { driver, probe: createAgentProbe({ clock, timeoutMs, ways: deps.ways }) };
}

function openDocker(config: ServerConfig, deps: RuntimeDeps, scope: Scope): Promise<RuntimeDriver> {
  const { clock, logs } = deps;
  return openDockerDriver(
    { ...config.docker, hostIp: deps.engineHost ?? config.docker.hostIp },
    {
      log: logs.server,
      clock,
      env: config.dockerEnvironment,
      execd: { image: config.runtime.execdImage, ...deps.agent },
      publishAddress: publishAddress(config.server.host, config.docker.publishAddress),
      storage: config.storage,
      secureRuntime: secureRuntime(config.secureRuntime),
      pulled: deps.telemetry?.pulled,
      metadataDir: join(deps.homeDir, '.opensandbox', 'metadata'),
    },
    scope,
  );
}

function findPublicHost({ server }: ServerConfig, place: Surroundings): Promise<string> {
  const { eip, host: listenHost } = server;
  return resolvePublicHost({ eip, listenHost, ...place, outboundAddress, ownNameAddress });
}

async function appOptions(config: ServerConfig, place: Surroundings): Promise<AppOptions> {
  const { server } = config;
  const publicHost = await findPublicHost(config, place);
  return {
    createPolicy: {
      networkMode: config.runtime.type === 'docker' ? config.docker.networkMode : undefined,
      egressImage: config.egress.image,
      allowedHostPaths: config.storage.allowedHostPaths,
    },
    apiKey: config.apiKey,
    proxy: proxyPolicy({
      ...config.proxy,
      serverPort: server.port,
      dockerHost: config.dockerEnvironment.DOCKER_HOST,
    }),
    metrics: config.metrics.enabled ? { isPublic: config.metrics.public } : undefined,
    eip: server.eip,
    publicUrl: server.publicUrl,
    publicHost: () => publicHost,
    limitConcurrency: server.limitConcurrency,
    keepAliveTimeoutSeconds: server.timeoutKeepAlive,
    closeDeadlineMs: CLOSE_DEADLINE_MS,
  };
}
