import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import type { FaultCode, RuntimeDriver, SandboxId } from '@opensandbox/core/ports';
import type { Scope } from '@opensandbox/base';
import { createKeyedLock, Fault } from '@opensandbox/base';
import { admit } from './admit.ts';
import type { AdmitContext } from './admit.ts';
import { openAgent } from './agent/agent.ts';
import type { DockerConfig } from './config.ts';
import type { CreateContext } from './create.ts';
import { createSandbox } from './create.ts';
import type { DockerDeps } from './deps.ts';
import { createDiagnostics } from './diagnostics/diagnostics.ts';
import { readConnection } from './engine/connection.ts';
import { createEngineFacts } from './engine-facts.ts';
import { choosePublishing, findDialHost } from './engine/engine-host.ts';
import { openEngine } from './engine/open-engine.ts';
import { createImages } from './images/images.ts';
import { observeEngine } from './observe.ts';
import type { ObserveContext } from './observe.ts';
import { createPausing } from './pausing.ts';
import type { PlanSettings } from './plan/plan-step.ts';
import { createReading } from './reading.ts';
import type { Reading } from './reading.ts';
import { removeSandbox } from './removal.ts';
import { createShells } from './shell.ts';
import { createSnapshots } from './snapshots/snapshots.ts';
import { checkSecureRuntime, runtimeName } from './secure-runtime.ts';
import { readSecurityOptions } from './security-options.ts';
import { openVolumes } from './volumes/open-volumes.ts';
import { openWindows } from './windows/open-windows.ts';

/**
 * Opens the driver on the engine that the environment names. Rejects when the engine does not answer or when a
 * setting cannot work. Closing `scope` closes the connections; sandboxes keep running.
 */
export async function openDockerDriver(
  config: DockerConfig,
  deps: DockerDeps,
  scope: Scope,
): Promise<RuntimeDriver> {
  const { clock, log } = deps;
  const connection = readConnection(deps.env);
  const dialHost = await findDialHost(connection, config.hostIp);
  const settings = await readSettings(config, deps, dialHost);
  const opened = await openEngine(connection, { clock, log, apiTimeoutMs: config.apiTimeoutMs }, scope);
  const { engine } = opened;
  const images = createImages({
    ...deps,
    engine,
    enginePlatform: opened.platform,
    stallMs: config.apiTimeoutMs,
    pullPolicy: config.imagePullPolicy,
  });
  const { instance } = config;
  if (deps.secureRuntime !== undefined) {
    checkSecureRuntime(deps.secureRuntime, await engine.info(scope.signal));
  }
  const carriers = { engine, images, instance, owner: randomUUID() };
  const agent = await openAgent({ ...deps, ...carriers }, scope);
  const facts = createEngineFacts({ engine, clock, log });
  const windows = openWindows({
    ...carriers,
    clock,
    log,
    facts,
    connection,
    deps,
    arch: opened.platform?.arch,
  });
  const reading = createReading({ engine, instance, dialHost, metadataDir: deps.metadataDir, clock, log });
  log.info('docker.opened', { engine: connection.name, networkMode: config.networkMode, instance });
  const shells = createShells();
  const volumes = openVolumes(
    { engine, connection, instance, storage: deps.storage, env: deps.env, clock, log },
    scope,
  );
  const making = { engine, images, agent, shells, settings, volumes, windowsAgent: windows.agent };
  const context = { ...making, instance, clock, log, read: reading.readOwn };
  const host = { facts, windows: windows.host };
  const { apiTimeoutMs } = config;
  return assemble(context, { reading, host, renewVersion: opened.renewVersion, apiTimeoutMs });
}

/** The verbs. Creating and removing one sandbox take turns; different sandboxes do not wait for each other. */
function assemble(
  context: CreateContext,
  parts: {
    readonly reading: Reading;
    readonly host: Pick<AdmitContext, 'facts' | 'windows'>;
    readonly renewVersion: ObserveContext['renewVersion'];
    readonly apiTimeoutMs: number;
  },
): RuntimeDriver {
  const { reading, host, renewVersion, apiTimeoutMs } = parts;
  const locks = createKeyedLock<SandboxId>();
  const { networkMode } = context.settings;
  const { engine, volumes } = context;
  return {
    name: 'docker',
    admit: (spec, signal) => admit(spec, { ...host, engine, networkMode, volumes }, signal),
    create: (record, report, signal) =>
      locks.run(record.id, () => createSandbox(context, { record, report }, signal), signal),
    destroy: (id, signal) => locks.run(id, () => removeSandbox(context, id, signal), signal),
    inspect: (id, signal) => reading.readSandbox(id, signal),
    observe: (signal) =>
      observeEngine({ ...context, reading, renewVersion, isCreating: (id) => locks.isBusy(id) }, signal),
    diagnostics: createDiagnostics(context),
    snapshots: createSnapshots({ ...context, apiTimeoutMs }),
    pausing: createPausing({ ...context, observe: (id, signal) => reading.readSandbox(id, signal) }),
  };
}

async function readSettings(config: DockerConfig, deps: DockerDeps, dialHost: string): Promise<PlanSettings> {
  const wish = { dialHost, configured: config.publishAddress, usual: deps.publishAddress };
  const { address: publishAddress, warning } = choosePublishing(wish);
  if (isIP(publishAddress) === 0) {
    throw new Fault(
      'invalid',
      'parameter.invalid' satisfies FaultCode,
      `docker.publish_address must be an IP address, not '${publishAddress}'.`,
    );
  }
  if (warning !== undefined && config.networkMode !== 'host') {
    deps.log.warn('docker.publishing', { address: publishAddress, note: warning });
  }
  return {
    networkMode: config.networkMode,
    publishAddress,
    instance: config.instance,
    pidsLimit: config.pidsLimit,
    dropCapabilities: config.dropCapabilities,
    isolation: config.isolation,
    securityOptions: await readSecurityOptions(config),
    runtime: deps.secureRuntime && runtimeName(deps.secureRuntime),
  };
}
