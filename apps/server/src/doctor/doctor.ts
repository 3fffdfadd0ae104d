import { toFault } from '@opensandbox/base';
import type { Config, LoadedConfig } from '../config/load.ts';
import type { DockerEnvironment } from '../config/environment.ts';
import { BUILTIN_EXECD } from '../config/sections/runtime.ts';
import { unavailableFeature } from '../config/unavailable.ts';
import { checkEngine, checkExecdImage, checkNetwork } from './check-engine.ts';
import type { EngineReading } from './check-engine.ts';
import { checkBuiltinExecd, checkDisk, checkNode, checkPort, checkStore } from './check-host.ts';
import { DEFAULT_ENGINE } from './engine-http.ts';
import type { AskEngine } from './engine-http.ts';
import { fail, ok, warn } from './finding.ts';
import type { Finding } from './finding.ts';

type DoctorConfig = Config<{ readonly networkMode: string }>;

export interface DoctorDeps {
  readonly load: () => LoadedConfig<{ readonly networkMode: string }>;
  readonly ask: AskEngine;
  readonly engine: DockerEnvironment;
  readonly now: () => number;
  readonly nodeVersion: string;
  readonly rootfsDir: string;
}

/** Looks at everything a server needs on this host. Changes nothing. */
export async function examine(deps: DoctorDeps, signal: AbortSignal): Promise<Finding[]> {
  const findings: Finding[] = [checkNode(deps.nodeVersion)];
  const loaded = readConfig(deps, findings);
  const engine = loaded?.runtime.type === 'fake' ? undefined : await examineEngine(deps, signal);
  findings.push(...(engine?.findings ?? []));
  if (loaded === undefined) return findings;
  if (engine?.answered === true) findings.push(...(await examineRuntime(deps, loaded, signal)));
  if (loaded.runtime.type === 'docker' && loaded.runtime.execdImage === BUILTIN_EXECD) {
    findings.push(checkBuiltinExecd(deps.rootfsDir));
  }
  findings.push(await checkPort(loaded.server.host, loaded.server.port));
  findings.push(checkStore(loaded.store.path), checkDisk('disk', loaded.store.path));
  const isLocal = deps.engine.DOCKER_HOST?.startsWith('unix:') ?? true;
  if (engine?.dataDir !== undefined && isLocal) findings.push(checkDisk('engine disk', engine.dataDir));
  return findings;
}

function readConfig(deps: DoctorDeps, findings: Finding[]): DoctorConfig | undefined {
  try {
    const { config, path, notices } = deps.load();
    const unknown = notices.filter((notice) => notice.level === 'warn');
    const names = unknown.map(
      (notice) => `${String(notice.fields['name'])}: ${String(notice.fields['note'])}`,
    );
    findings.push(
      names.length === 0
        ? ok('config', path)
        : warn('config', [path, ...names].join('\n'), 'Mend or remove these keys.'),
    );
    const unavailable = unavailableFeature(config);
    if (unavailable !== undefined)
      findings.push(fail('runtime', unavailable, 'Change it in the configuration.'));
    findings.push(
      config.apiKey === undefined
        ? warn(
            'api key',
            'server.api_key is empty: anyone who reaches the server can use it',
            'Set server.api_key.',
          )
        : ok('api key', 'set'),
    );
    return config;
  } catch (error) {
    const advice =
      'Mend the file, or write a new one: opensandbox-server init-config --example docker --force';
    findings.push(fail('config', toFault(error).message, advice));
    return undefined;
  }
}

function examineEngine(deps: DoctorDeps, signal: AbortSignal): Promise<EngineReading> {
  return checkEngine(
    { ask: deps.ask, engine: deps.engine.DOCKER_HOST ?? DEFAULT_ENGINE, now: deps.now },
    signal,
  );
}

async function examineRuntime(
  deps: DoctorDeps,
  config: DoctorConfig,
  signal: AbortSignal,
): Promise<Finding[]> {
  const findings = [await checkNetwork(deps.ask, config.docker.networkMode, signal)];
  if (config.runtime.execdImage !== BUILTIN_EXECD) {
    findings.push(await checkExecdImage(deps.ask, config.runtime.execdImage, signal));
  }
  return findings;
}
