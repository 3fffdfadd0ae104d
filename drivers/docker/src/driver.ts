import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import type { FaultCode, RuntimeDriver, SandboxId } from '@opensandbox/core/ports';
import type { Scope } from '@opensandbox/base';
import { createKeyedLock, Fault } from '@opensandbox/base';
import { admit } from './admit.ts';
import { openAgent } from './agent/agent.ts';
import type { DockerConfig } from './config.ts';
import type { CreateContext } from './create.ts';
import { createSandbox } from './create.ts';
import type { DockerDeps } from './deps.ts';
import { readConnection } from './engine/connection.ts';
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
import { readSecurityOptions } from './security-options.ts';

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
  const settings = await readSettings(config, deps);
  const connection = readConnection(deps.env);
  const opened = await openEngine(connection, { clock, log, apiTimeoutMs: config.apiTimeoutMs }, scope);
  const { engine } = opened;
  const images = createImages({
    ...deps,
    engine,
    enginePlatform: opened.platform,
    stallMs: config.apiTimeoutMs,
  });
  const agent = await openAgent({ ...deps, engine, images, instance: config.instance }, scope);
  const { instance } = config;
  const dialHost = chooseDialHost(connection.dialHost, config.hostIp);
  const reading = createReading({ engine, instance, dialHost, metadataDir: deps.metadataDir, clock, log });
  log.info('docker.opened', { engine: connection.name, networkMode: config.networkMode, instance });
  const shells = createShells();
  const context = { engine, images, agent, shells, settings, instance, clock, log, read: reading.readOwn };
  return assemble(context, reading, opened.renewVersion);
}

/** The verbs. Creating and removing one sandbox take turns; different sandboxes do not wait for each other. */
function assemble(
  context: CreateContext,
  reading: Reading,
  renewVersion: ObserveContext['renewVersion'],
): RuntimeDriver {
  const locks = createKeyedLock<SandboxId>();
  const { networkMode } = context.settings;
  return {
    name: 'docker',
    admit: (spec, signal) => admit(spec, { engine: context.engine, networkMode }, signal),
    create: (record, report, signal) =>
      locks.run(record.id, () => createSandbox(context, { record, report }, signal), signal),
    destroy: (id, signal) => locks.run(id, () => removeSandbox(context, id, signal), signal),
    inspect: (id, signal) => reading.readSandbox(id, signal),
    observe: (signal) =>
      observeEngine({ ...context, reading, renewVersion, isCreating: (id) => locks.isBusy(id) }, signal),
    pausing: createPausing({ ...context, observe: (id, signal) => reading.readSandbox(id, signal) }),
  };
}

async function readSettings(config: DockerConfig, deps: DockerDeps): Promise<PlanSettings> {
  const publishAddress = config.publishAddress ?? deps.publishAddress;
  if (isIP(publishAddress) === 0) {
    throw new Fault(
      'invalid',
      'parameter.invalid' satisfies FaultCode,
      `docker.publish_address must be an IP address, not '${publishAddress}'.`,
    );
  }
  return {
    networkMode: config.networkMode,
    publishAddress,
    instance: config.instance,
    pidsLimit: config.pidsLimit,
    dropCapabilities: config.dropCapabilities,
    isolation: config.isolation,
    securityOptions: await readSecurityOptions(config),
  };
}

/** Inside a container the loopback address is the container's own; the host's is what was configured. */
function chooseDialHost(engineHost: string, hostIp: string | undefined): string {
  const isContained = engineHost === '127.0.0.1' && existsSync('/.dockerenv');
  return isContained && hostIp !== undefined ? hostIp : engineHost;
}
